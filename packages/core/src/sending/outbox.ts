/**
 * Packs envelopes for one destination into frames and sends them, one append in flight. What is sent while a frame
 * travels waits and leaves when it returns, as one frame or as a few full ones in one step: batches grow with the load,
 * no timer, no added latency.
 */
import type { Extras, WireError } from '../wire/envelope.ts';
import { codeOf, HomeostatError, NodeClosed, NotMember, TransportError } from '../ground/errors.ts';
import type { Flusher } from '../ground/flusher.ts';
import { FrameWriter, MAX_FRAME_BYTES } from '../wire/frame.ts';
import { sleep } from '../ground/loop.ts';
import { Numbers } from './numbers.ts';
import { OpenFrame } from './open-frame.ts';

/** Who sent an envelope, told how its sending ended. Exactly one of the two is called, once. */
export interface Receipt {
  /** False once nobody waits any more: an envelope that has not left yet is then left out. */
  readonly wanted: boolean;
  /** Waits for room where there is none; absent: it is refused then. */
  readonly patient?: boolean;
  /** True while the backend may have the envelope: if the wait ends now, the outcome is unknown. */
  travels: boolean;
  accepted(): void;
  refused(error: HomeostatError): void;
}

export type TransmitResult =
  | { readonly kind: 'accepted' }
  /** The first `room` envelopes would fit; `refusal` is for the others. */
  | { readonly kind: 'full'; readonly room: number; readonly refusal: HomeostatError }
  /** None of them, ever: they must go somewhere else. */
  | { readonly kind: 'refused'; readonly refusal: HomeostatError }
  | { readonly kind: 'not-member' };

export interface Destination {
  /** Sends one frame. Sending the same number again after an unknown outcome is safe. */
  transmit(
    frame: Uint8Array,
    number: number,
    count: number,
    at: number | undefined,
    patient: boolean,
  ): Promise<TransmitResult>;
  /** Resolves when what was refused for want of room should be sent again; absent: nobody is patient here. */
  turn?(signal: AbortSignal): Promise<void>;
  /**
   * Sends several frames with consecutive numbers in one step and answers how many of the first were accepted; why the
   * next one was not is found out by sending it alone. Absent: the destination takes one at a time.
   */
  transmitAll?(
    frames: readonly { readonly frame: Uint8Array; readonly count: number }[],
    number: number,
  ): Promise<number>;
  /** Id of the member that sends, whose inbox takes the answers. */
  from(): string;
  /** Resolves when the backend can be written to again. */
  ready(signal: AbortSignal): Promise<void>;
  /** Which part of a frame an envelope of this method may take: 1/128 for quick ones, 1 for those that travel alone. */
  share(method: string): number;
  now(): number;
  /** A frame was not taken. Must not throw. */
  failed?(error: HomeostatError): void;
}

/** Wait before a frame with an unknown outcome is sent again, ms; doubles each time. */
const RESEND_MS = 20;
const RESEND_MAX_MS = 1_000;
/** Full frames that travel in one step at most. */
const GROUP = 4;
/** Frames kept for reuse. */
const SPARE_WRITERS = 8;
export class Outbox {
  readonly #destination: Destination;
  readonly #flusher: Flusher;
  readonly #maxBodyBytes: number;
  readonly #closing = new AbortController();
  readonly #spare: OpenFrame[] = [];
  readonly #full: OpenFrame[] = [];
  #open: OpenFrame | undefined;
  #travelling: OpenFrame | undefined;
  /** Of the next frame. */
  #number: number;
  /** The first number that is not its own. */
  #bound: number;
  readonly #numbers: Numbers;
  #scheduled = false;
  /** Set while a frame stands in line for room: whoever is not patient is told this. */
  #refusal: HomeostatError | undefined;

  /** @param numbers shared by whatever a node sends requests by: no two of its frames have the same. */
  constructor(destination: Destination, flusher: Flusher, maxBodyBytes: number, numbers: Numbers = new Numbers()) {
    this.#numbers = numbers;
    this.#number = numbers.take(1);
    this.#bound = this.#number + 1;
    this.#destination = destination;
    this.#flusher = flusher;
    this.#maxBodyBytes = maxBodyBytes;
  }

  get idle(): boolean {
    return this.#travelling === undefined && (this.#open?.receipts.length ?? 0) === 0 && this.#full.length === 0;
  }

  /**
   * @param alone it shares its frame with nothing else.
   * @throws SerializationError, PayloadTooLarge when the body cannot travel; nothing is sent then.
   */
  call(
    method: string,
    body: unknown,
    correlation: number,
    deadline: number,
    extras: Extras | undefined,
    receipt: Receipt,
    alone = false,
    maxBodyBytes?: number,
  ): void {
    const frame = this.#put(alone ? 1 : this.#destination.share(method), undefined, receipt, (writer) =>
      writer.addCall(method, body, correlation, deadline, extras, maxBodyBytes),
    );
    frame.answered = true;
  }

  /** As with `call`. */
  cast(
    method: string,
    body: unknown,
    deadline: number,
    extras: Extras | undefined,
    at: number | undefined,
    receipt: Receipt,
    alone = false,
    maxBodyBytes?: number,
  ): void {
    this.#put(alone ? 1 : this.#destination.share(method), at, receipt, (writer) =>
      writer.addCast(method, body, deadline, extras, maxBodyBytes),
    );
  }

  /** @throws SerializationError, PayloadTooLarge when the body cannot travel; nothing is sent then. */
  reply(correlation: number, body: unknown, receipt: Receipt): void {
    this.#put(0, undefined, receipt, (writer) => writer.addReply(correlation, body));
  }

  /** A reply whose body is encoded already. */
  replyBytes(correlation: number, body: Uint8Array | undefined, receipt: Receipt): void {
    this.#put(0, undefined, receipt, (writer) => writer.addReplyBytes(correlation, body));
  }

  /** One item of a stream. Answers the bytes it took. @throws SerializationError, PayloadTooLarge; nothing is sent then. */
  item(correlation: number, number: number, body: unknown, receipt: Receipt): number {
    let bytes = 0;
    this.#put(0, undefined, receipt, (writer) => {
      bytes = writer.addItem(correlation, number, body);
    });
    return bytes;
  }

  /** So many items of a stream have been taken. */
  credit(correlation: number, taken: number, receipt: Receipt): void {
    this.#put(0, undefined, receipt, (writer) => writer.addCredit(correlation, taken));
  }

  /** Nobody waits for the answer any more. */
  cancel(correlation: number, receipt: Receipt): void {
    this.#put(0, undefined, receipt, (writer) => writer.addCancel(correlation));
  }

  error(correlation: number, error: WireError, receipt: Receipt): void {
    this.#put(0, undefined, receipt, (writer) => writer.addError(correlation, error));
  }

  /** Called by the flusher at the end of the tick. */
  flush(): void {
    this.#scheduled = false;
    if (this.#travelling !== undefined) return;
    const group = this.#takeGroup();
    if (group.length > 1) {
      void this.#travelTogether(group);
      return;
    }
    const frame = group[0] ?? this.#full.shift() ?? this.#takeOpen();
    if (frame !== undefined) void this.#travel(frame);
  }

  /** Above every number it has used. */
  get nextNumber(): number {
    return this.#number;
  }

  /** Refuses whatever has not been accepted. */
  close(): void {
    this.#closing.abort();
    for (const frame of [...this.#full.splice(0), this.#takeOpen()]) {
      if (frame !== undefined)
        this.#refuse(frame, new NodeClosed('send', frame.ambiguous ? 'unknown' : 'not-executed'));
    }
  }

  /** Adds an envelope to the open frame, or to a new one where it does not fit. */
  #put(share: number, at: number | undefined, receipt: Receipt, write: (writer: FrameWriter) => void): OpenFrame {
    const patient = receipt.patient === true;
    if (this.#refusal !== undefined && !patient) throw this.#refusal;
    let frame = this.#room(share, at);
    write(frame.writer);
    if (frame.writer.bytes > MAX_FRAME_BYTES && frame.receipts.length > 0) {
      // Encoded again rather than moved: its deadline is relative to the frame it travels in.
      frame.writer.undo();
      frame = this.#next(frame, at);
      write(frame.writer);
    }
    frame.receipts.push(receipt);
    frame.filled += share;
    if (patient) frame.patient = true;
    if (this.#travelling === undefined) this.#schedule();
    return frame;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#flusher.schedule(this);
  }

  /** The open frame if an envelope of this share may join it, else a new one. */
  #room(share: number, at: number | undefined): OpenFrame {
    const open = this.#open;
    if (open === undefined) return this.#fresh(at);
    if (open.hasRoom(share, at)) return open;
    return this.#next(open, at);
  }

  /** A frame is full: it leaves at once if nothing travels, while the next one fills. */
  #next(full: OpenFrame, at: number | undefined): OpenFrame {
    this.#full.push(full);
    this.#open = undefined;
    if (this.#travelling === undefined) this.flush();
    return this.#fresh(at);
  }

  #fresh(at: number | undefined): OpenFrame {
    const fresh = this.#spare.pop() ?? new OpenFrame(new FrameWriter(this.#maxBodyBytes));
    fresh.writer.open(this.#destination.now());
    fresh.at = at;
    this.#open = fresh;
    return fresh;
  }

  #takeOpen(): OpenFrame | undefined {
    const open = this.#open;
    if (open === undefined || open.receipts.length === 0) return undefined;
    this.#open = undefined;
    return open;
  }

  async #travel(frame: OpenFrame): Promise<void> {
    this.#travelling = frame;
    for (let failures = 0; ;) {
      if (!frame.ambiguous && !this.#keepWanted(frame)) break;
      if (frame.ambiguous && !frame.receipts.some((receipt) => receipt.wanted)) {
        // It may be there under this number; what follows must not be taken for its repetition.
        this.#use(1);
        break;
      }
      const from = this.#destination.from();
      if (frame.ambiguous && frame.sentBy !== from) {
        // Numbers belong to the member that sent it: under the new id it would be accepted a second time.
        this.#refuse(frame, new NotMember(frame.sentBy));
        break;
      }
      frame.sentBy = from;
      let result: TransmitResult;
      for (const receipt of frame.receipts) receipt.travels = true;
      try {
        const bytes = frame.writer.finish(from, this.#number, frame.answered ? from : null);
        result = await this.#destination.transmit(bytes, this.#number, frame.receipts.length, frame.at, frame.patient);
      } catch (thrown) {
        if (this.#failed(frame, thrown)) break;
        failures += 1;
        await this.#waitToResend(failures);
        continue;
      }
      if (this.#arrived(frame, result)) break;
      if (result.kind === 'not-member') await this.#waitToResend(1);
      else if (this.#refusal !== undefined) await this.#standInLine(this.#refusal);
    }
    this.#refusal = undefined;
    this.#landed([frame]);
  }

  /** Full frames that may travel in one step. */
  #takeGroup(): OpenFrame[] {
    const group: OpenFrame[] = [];
    if (this.#destination.transmitAll === undefined || this.#full.length < 2) return group;
    while (group.length < GROUP) {
      const frame = this.#full[0];
      if (frame === undefined || frame.alone || frame.ambiguous || frame.at !== undefined) break;
      this.#full.shift();
      if (this.#keepWanted(frame)) group.push(frame);
      else this.#recycle(frame);
    }
    return group;
  }

  /** One step for several frames. Those it did not accept are sent again one by one, under the same numbers. */
  async #travelTogether(group: readonly OpenFrame[]): Promise<void> {
    this.#travelling = group[0];
    const from = this.#destination.from();
    const first = this.#inARow(group.length);
    let taken = 0;
    try {
      const frames = group.map((frame, index) => {
        frame.sentBy = from;
        for (const receipt of frame.receipts) receipt.travels = true;
        const bytes = frame.writer.finish(from, first + index, frame.answered ? from : null);
        return { frame: bytes, count: frame.receipts.length };
      });
      taken = await this.#destination.transmitAll!(frames, first);
    } catch (thrown) {
      const error = asTransportError(thrown);
      this.#destination.failed?.(error);
      const ambiguous = error.outcome !== 'not-executed';
      for (const frame of group) frame.ambiguous = ambiguous;
    }
    this.#use(taken);
    const landed = group.slice(0, taken);
    const left = group.slice(taken);
    for (const frame of landed) {
      frame.accepted = frame.receipts;
      frame.receipts = [];
    }
    for (const frame of left) {
      frame.alone = true;
      for (const receipt of frame.receipts) receipt.travels = frame.ambiguous;
    }
    this.#full.unshift(...left);
    if (left.length > 0) await this.#waitToResend(1);
    this.#landed(landed);
  }

  #landed(frames: readonly OpenFrame[]): void {
    const accepted = frames.flatMap((frame) => frame.accepted);
    for (const frame of frames) {
      frame.accepted = [];
      this.#recycle(frame);
    }
    this.#travelling = undefined;
    // A full frame leaves before anybody is told; one that still has room may take what they send when they are.
    if (this.#full.length > 0) this.flush();
    for (const receipt of accepted) receipt.accepted();
    if (this.#travelling === undefined && (this.#open?.receipts.length ?? 0) > 0) this.#schedule();
  }

  /** So many numbers are used up. */
  #use(count: number): void {
    this.#number += count;
    if (this.#number < this.#bound) return;
    this.#number = this.#numbers.take(1);
    this.#bound = this.#number + 1;
  }

  /** Makes its next `count` numbers follow each other, and answers the first. */
  #inARow(count: number): number {
    const missing = count - (this.#bound - this.#number);
    if (missing <= 0) return this.#number;
    const more = this.#numbers.take(this.#bound === this.#numbers.next ? missing : count);
    if (more !== this.#bound) this.#number = more;
    this.#bound = this.#number + count;
    return this.#number;
  }

  /** Answers whether the frame has ended. */
  #arrived(frame: OpenFrame, result: TransmitResult): boolean {
    if (result.kind === 'accepted') {
      this.#use(1);
      frame.accepted = frame.receipts;
      frame.receipts = [];
      return true;
    }
    for (const receipt of frame.receipts) receipt.travels = frame.ambiguous;
    if (result.kind === 'refused') {
      if (frame.ambiguous) this.#use(1);
      this.#refuse(frame, frame.ambiguous ? new TransportError(result.refusal.message) : result.refusal);
      return true;
    }
    if (result.kind === 'full') {
      // At least one gives way, whatever the backend says, so that this comes to an end.
      this.#giveWay(frame, Math.min(result.room, frame.receipts.length - 1), result.refusal);
      return frame.receipts.length === 0;
    }
    if (!frame.ambiguous && !this.#closing.signal.aborted) return false;
    this.#refuse(frame, new NotMember(frame.sentBy, frame.ambiguous ? 'unknown' : 'not-executed'));
    return true;
  }

  /** Answers whether the frame has ended. */
  #failed(frame: OpenFrame, thrown: unknown): boolean {
    const error = asTransportError(thrown);
    this.#destination.failed?.(error);
    if (error.outcome !== 'not-executed') frame.ambiguous = true;
    for (const receipt of frame.receipts) receipt.travels = frame.ambiguous;
    if (error instanceof TransportError && error.retryable && !this.#closing.signal.aborted) return false;
    if (frame.ambiguous) {
      // What this try says holds for this try only: an earlier one may have been carried out, under this number.
      this.#use(1);
      this.#refuse(
        frame,
        error.outcome === 'unknown'
          ? error
          : new TransportError(error.message, { retryable: error.retryable, cause: error }),
      );
    } else {
      this.#refuse(frame, error);
    }
    return true;
  }

  async #waitToResend(failures: number): Promise<void> {
    const signal = this.#closing.signal;
    await sleep(Math.min(RESEND_MAX_MS, RESEND_MS * 2 ** (failures - 1)), signal);
    try {
      await this.#destination.ready(signal);
    } catch {
      // Closing, or still away: the next try says which.
    }
  }

  /** Leaves out the envelopes that nobody waits for any more; answers whether any is left. */
  #keepWanted(frame: OpenFrame): boolean {
    if (frame.receipts.every((receipt) => receipt.wanted)) return frame.receipts.length > 0;
    frame.writer.retain((index) => frame.receipts[index]!.wanted);
    frame.receipts = frame.receipts.filter((receipt) => receipt.wanted);
    return frame.receipts.length > 0;
  }

  /** Only the first `fitting` fit. Of the others those that are patient stay, in a frame of their own where some fit. */
  #giveWay(frame: OpenFrame, fitting: number, error: HomeostatError): void {
    const waits = frame.patient && this.#destination.turn !== undefined && !this.#closing.signal.aborted;
    const refused = this.#takeOut(frame, (receipt, index) => index >= fitting && !(waits && receipt.patient === true));
    this.#refusal = fitting === 0 && frame.receipts.length > 0 ? error : undefined;
    if (fitting > 0 && frame.receipts.length > fitting) this.#full.unshift(this.#split(frame, fitting));
    for (const receipt of refused) receipt.refused(error);
  }

  /** What follows the first `count` leaves in a frame of its own. */
  #split(frame: OpenFrame, count: number): OpenFrame {
    const rest = this.#spare.pop() ?? new OpenFrame(new FrameWriter(this.#maxBodyBytes));
    rest.at = frame.at;
    rest.answered = frame.answered;
    rest.patient = true;
    rest.writer.open(frame.writer.sentAt);
    rest.writer.addFrom(frame.writer, count);
    rest.receipts = frame.receipts.splice(count);
    frame.writer.retain((index) => index < count);
    return rest;
  }

  async #standInLine(refusal: HomeostatError): Promise<void> {
    const refused: Receipt[] = [];
    for (const frame of [...this.#full, this.#open]) {
      if (frame !== undefined && !frame.ambiguous)
        refused.push(...this.#takeOut(frame, (receipt) => receipt.patient !== true));
    }
    for (const receipt of refused) receipt.refused(refusal);
    await this.#destination.turn!(this.#closing.signal);
  }

  /** Answers the receipts of the envelopes that it took out of the frame. */
  #takeOut(frame: OpenFrame, isOut: (receipt: Receipt, index: number) => boolean): Receipt[] {
    const out = frame.receipts.map(isOut);
    if (!out.includes(true)) return [];
    const taken = frame.receipts.filter((_, index) => out[index] === true);
    frame.writer.retain((index) => out[index] !== true);
    frame.receipts = frame.receipts.filter((_, index) => out[index] !== true);
    return taken;
  }

  #refuse(frame: OpenFrame, error: HomeostatError): void {
    const refused = frame.receipts;
    frame.receipts = [];
    for (const receipt of refused) receipt.refused(error);
  }

  #recycle(frame: OpenFrame): void {
    if (this.#spare.length >= SPARE_WRITERS || frame.ambiguous) return;
    frame.reset();
    this.#spare.push(frame);
  }
}

function asTransportError(thrown: unknown): HomeostatError {
  return thrown instanceof HomeostatError
    ? thrown
    : new TransportError(`sending failed: ${codeOf(thrown)}`, { cause: thrown });
}
