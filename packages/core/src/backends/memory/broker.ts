import {
  addDepths,
  type AppendAllRequest,
  type AppendAllResult,
  type AppendRequest,
  type AppendResult,
  type Broker,
  type DeadEntry,
  type Intake,
  type MailboxDepth,
  type MailboxLimits,
  type MailboxReader,
  type ReplyResult,
  type Settlement,
  type SettleResult,
} from '../../ports/broker.ts';
import { isPartition, partitionName } from '../../ports/partitions.ts';
import type { Consumer } from './consumers.ts';
import type { Hold } from './hold.ts';
import { Mailbox } from './mailbox.ts';
import { partOut } from './part-out.ts';
import type { Place } from './place.ts';
import { carryOut } from './settle.ts';

export class MemoryBroker implements Broker {
  readonly #hold: Hold;
  readonly #readers = new Set<MailboxReader>();

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  append(request: AppendRequest): Promise<AppendResult> {
    return this.#hold.use(() => this.#append(request));
  }

  appendAll({ mailbox, number, frames, target }: AppendAllRequest): Promise<AppendAllResult> {
    return this.#hold.use((): AppendAllResult => {
      if (this.#hold.current() === undefined) return { kind: 'not-member' };
      const to = target === undefined ? undefined : { target };
      const refused = frames.findIndex(
        (frame, index) => this.#append({ mailbox, number: number + index, ...frame, ...to }).kind !== 'accepted',
      );
      const { hints } = this.#hold.place(mailbox);
      return {
        kind: 'accepted',
        taken: refused === -1 ? frames.length : refused,
        ...(hints === undefined ? undefined : { hints }),
      };
    });
  }

  #append(request: AppendRequest): AppendResult {
    const member = this.#hold.current();
    if (member === undefined) return { kind: 'not-member' };
    const mailbox = this.#hold.place(request.mailbox);
    if (request.patient === true) this.#hold.turns.used(request.mailbox);
    const hints = mailbox.hints === undefined ? undefined : { hints: mailbox.hints };
    const { target, producer } = request;
    // A target has numbers of its own.
    const destination = target === undefined ? request.mailbox : `${request.mailbox}>${target}`;
    const numbers = producer === undefined ? member.numbers : this.#hold.world.numbersOf(producer);
    const last = numbers.get(destination);
    if (last !== undefined && request.number <= last.number) return { kind: 'accepted', id: last.id, ...hints };
    const partitions = target === undefined && mailbox instanceof Mailbox ? mailbox.partitions : 0;
    if (partitions > 0) return { kind: 'partitioned', partitions };
    const refused = mailbox.line.isBehind(member.id) ? fullness(mailbox, 0) : refusal(mailbox, request);
    if (refused !== undefined) {
      // What alone is more than the mailbox takes would keep all others waiting, and never come to its end.
      const fits = request.count > 1 || request.frame.length <= mailbox.limits.maxBytes;
      if (request.patient === true && fits) mailbox.line.stand(member.id);
      return refused;
    }
    // The caller reuses its buffer, and its Buffer may have a `slice` that shares it.
    const frame = new Uint8Array(request.frame);
    const id = mailbox.put({ frame, count: request.count, target }, request.at);
    numbers.set(destination, { number: request.number, id });
    mailbox.line.leave(member.id);
    return { kind: 'accepted', id, ...hints };
  }

  turn(mailbox: string, signal: AbortSignal): Promise<void> {
    return this.#hold.turns.wait(mailbox, signal);
  }

  reply(inbox: string, frame: Uint8Array): Promise<ReplyResult> {
    return this.#hold.use((): ReplyResult => {
      if (this.#hold.current() === undefined) return 'not-member';
      const target = this.#hold.world.members.get(inbox);
      if (target === undefined) return 'gone';
      target.inbox.push(new Uint8Array(frame));
      return 'accepted';
    });
  }

  consume(name: string, limits: MailboxLimits, intake: Intake): Promise<MailboxReader> {
    return this.#hold.use(() => {
      const mailbox = this.#hold.world.mailbox(name);
      mailbox.limits = { maxLength: limits.maxLength, maxBytes: limits.maxBytes };
      const consumer: Consumer = { intake, member: () => this.#hold.current()?.id };
      mailbox.open(consumer);
      const reader: MailboxReader = {
        wake: () => mailbox.ring(),
        close: () => {
          mailbox.shut(consumer);
          this.#readers.delete(reader);
          return Promise.resolve();
        },
      };
      this.#readers.add(reader);
      return reader;
    });
  }

  settle(batch: readonly Settlement[]): Promise<readonly SettleResult[]> {
    return this.#hold.use(() => batch.map((settlement) => this.#settleOne(settlement)));
  }

  hint(mailbox: string, hints: string): Promise<void> {
    return this.#hold.use(() => {
      this.#hold.place(mailbox).hints = hints;
    });
  }

  depth(mailbox: string): Promise<MailboxDepth> {
    return this.#hold.use(() => this.#depth(mailbox));
  }

  dead(mailbox: string, page: { readonly after?: string; readonly limit: number }): Promise<readonly DeadEntry[]> {
    return this.#hold.use(() => this.#hold.place(mailbox).dead.page(page.after, page.limit));
  }

  replay(name: string, id: string, moved: string): Promise<boolean> {
    return this.#hold.use(() => {
      const mailbox = this.#hold.place(name);
      const letter = mailbox.dead.take(id, moved);
      if (letter === undefined) return false;
      const { frame, count, todo, history } = letter;
      mailbox.put({ frame, count, todo, history });
      return true;
    });
  }

  drop(mailbox: string, id: string, moved: string): Promise<boolean> {
    return this.#hold.use(() => this.#hold.place(mailbox).dead.take(id, moved) !== undefined);
  }

  /** Stops all reading of this link. */
  async closeReaders(): Promise<void> {
    for (const reader of [...this.#readers]) await reader.close();
  }

  #depth(name: string): MailboxDepth {
    const place = this.#hold.place(name);
    if (!(place instanceof Mailbox)) return place.depth();
    const parts = Array.from({ length: place.partitions }, (_, at) =>
      this.#hold.place(partitionName(name, at)).depth(),
    );
    return parts.reduce(addDepths, place.depth());
  }

  #settleOne(settlement: Settlement): SettleResult {
    const member = this.#hold.current();
    if (member === undefined) return 'not-member';
    const { world, identity } = this.#hold;
    if (isPartition(settlement.claim.mailbox)) {
      const partition = world.partition(settlement.claim.mailbox);
      const result = partition.settle(member.id, settlement);
      partition.log.line.offer();
      return result;
    }
    const mailbox = world.mailbox(settlement.claim.mailbox);
    const entry = mailbox.held(member.id, settlement.claim.id);
    if (entry === undefined) return 'lost';
    const settling = { mailbox, member: member.id, now: world.timers.clock.now(), keepOffMs: identity.beat.intervalMs };
    const carried = carryOut(settling, entry, settlement);
    mailbox.line.offer();
    if (settlement.kind === 'park' && mailbox.partitions > 0) partOut(world, mailbox);
    mailbox.ring();
    return carried ? 'settled' : 'lost';
  }
}

function refusal(mailbox: Place, request: AppendRequest): AppendResult | undefined {
  const { messages, bytes, limits } = mailbox;
  const { maxLength, maxBytes } = limits;
  if (messages + request.count <= maxLength && bytes + request.frame.length <= maxBytes) return undefined;
  const bytesEach = Math.max(1, request.frame.length / request.count);
  const room = Math.max(0, Math.floor(Math.min(maxLength - messages, (maxBytes - bytes) / bytesEach)));
  return fullness(mailbox, room);
}

function fullness({ messages, bytes, limits: { maxLength, maxBytes } }: Place, room: number): AppendResult {
  return { kind: 'full', room, messages, bytes, maxLength, maxBytes };
}
