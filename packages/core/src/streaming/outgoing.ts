/** One stream as its producer sends it: pulls the handler's items as far as the reader has room, and no further. */
import { codeOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { StandardSchema } from '../contract/standard-schema.ts';
import { validate } from '../contract/validate.ts';
import { misfit, type DeclaredErrors } from '../serving/declared.ts';
import type { Delivery } from '../serving/delivery.ts';
import type { Outbox, Receipt } from '../sending/outbox.ts';
import { toWireError, type WireError } from '../wire/envelope.ts';
import { SendWindow } from './window.ts';

/** A method that answers with a stream. */
export interface Yielding {
  /** `service.method`, for messages. */
  readonly subject: string;
  /** What each item must fit. */
  readonly schema: StandardSchema;
  /** What its handler may end it with. */
  readonly errors: DeclaredErrors | undefined;
}

/** How a stream ended. Exactly one of them is called, once. */
export interface StreamEnd {
  /** All of it has been sent. */
  complete(delivery: Delivery, count: number): void;
  failed(delivery: Delivery, error: WireError): void;
  /** Nobody wants it any more, and its handler has stopped. */
  stopped(delivery: Delivery): void;
}

export interface OutgoingNeeds {
  readonly delivery: Delivery;
  readonly yielding: Yielding;
  /** What the handler answered. */
  readonly items: AsyncIterable<unknown>;
  /** The reader's, asked for each time: an outbox that has idled a while may have given way to another one. */
  inbox(): Outbox;
  readonly log: Log;
  readonly end: StreamEnd;
  /** The first item leaves. */
  began(): void;
  /** Called once, when nothing more will be sent. */
  over(): void;
}

export class Outgoing implements Receipt {
  travels = false;
  readonly #needs: OutgoingNeeds;
  readonly #window = new SendWindow();
  readonly #iterator: AsyncIterator<unknown>;
  #stopped = false;
  #unwanted = false;
  #ended = false;
  #room: (() => void) | undefined;

  /** @throws what the handler's iterable throws when it is asked for its iterator. */
  constructor(needs: OutgoingNeeds) {
    this.#needs = needs;
    this.#iterator = needs.items[Symbol.asyncIterator]();
  }

  /** As the receipt of every item: what nobody wants any more and has not left does not leave. */
  get wanted(): boolean {
    return !this.#unwanted && !this.#needs.delivery.batch.dropped;
  }

  /** The node that reads it. */
  get reader(): string {
    return this.#needs.delivery.caller;
  }

  start(): void {
    this.#needs.delivery.follow(this.#givenUp);
    const { aborted, ended } = this.#needs.delivery;
    if (aborted || ended) this.#stop();
    else void this.#run();
  }

  /** The reader has taken so many. False: it cannot have. */
  credit(taken: number): boolean {
    const believable = this.#window.credit(taken);
    if (this.#window.open) this.#go();
    return believable;
  }

  accepted(): void {}

  refused(error: Error): void {
    this.#fail(error);
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        while (!this.#window.open && !this.#stopped) await this.#credited();
        if (this.#stopped) return;
        const step = await this.#iterator.next();
        if (this.#stopped) return;
        if (step.done === true) {
          this.#end(() => this.#needs.end.complete(this.#needs.delivery, this.#window.sent));
          return;
        }
        const { schema, subject } = this.#needs.yielding;
        const item = validate(schema, step.value, 'output', subject, 'failed');
        this.#send(item instanceof Promise ? await item : item);
      }
    } catch (thrown) {
      const { errors, subject } = this.#needs.yielding;
      this.#fail((await misfit(errors, subject, thrown)) ?? thrown);
    }
  }

  #credited(): Promise<void> {
    return new Promise((resolve) => (this.#room = resolve));
  }

  #send(item: unknown): void {
    if (this.#stopped) return;
    const { delivery, began } = this.#needs;
    if (this.#window.sent === 0) began();
    const { sent } = this.#window;
    this.#window.add(this.#needs.inbox().item(delivery.envelope.correlation, sent + 1, item, this));
  }

  #go(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }

  /** The delivery was given up. Where it ended before that, the reader was told, and gets what was sent until then. */
  readonly #givenUp = (): void => {
    this.#unwanted = !this.#needs.delivery.ended;
    this.#stop();
  };

  #stop(): void {
    if (this.#stopped) return;
    this.#close();
    void this.#leave().then(() => this.#end(() => this.#needs.end.stopped(this.#needs.delivery)));
  }

  #fail(thrown: unknown): void {
    if (this.#stopped) return;
    this.#close();
    void this.#leave();
    // Its handler has run, whatever a nested call says of itself.
    this.#end(() => this.#needs.end.failed(this.#needs.delivery, { ...toWireError(thrown), outcome: 'failed' }));
  }

  #close(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#needs.delivery.unfollow(this.#givenUp);
    this.#needs.over();
    this.#go();
  }

  /** Lets the generator run its `finally`. Never rejects. */
  async #leave(): Promise<void> {
    try {
      await this.#iterator.return?.();
    } catch (thrown) {
      const { log, yielding } = this.#needs;
      log.debug(
        { evt: 'stream_cleanup_failed', subject: yielding.subject, code: codeOf(thrown) },
        'a generator that was told to stop threw',
      );
    }
  }

  #end(tell: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#close();
    tell();
  }
}
