/** What a subscriber knows of the message it handles. */
import type { Context } from '../contract/actor.ts';
import type { Contract, MethodSpecs } from '../contract/contract.ts';
import type { Client, ClientOptions } from '../calling/client.ts';
import type { Log } from '../ground/log.ts';

export interface TopicContext {
  readonly topic: string;
  /** Undefined where every node hears it. */
  readonly group: string | undefined;
  /** The same in every group and over every redelivery: a good idempotency key. */
  readonly messageId: string;
  /** 1 for the first delivery to this group. */
  readonly attempt: number;
  /** Id of the node that sent it. */
  readonly publisher: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Aborts when `maxRunMs` is over, or when the node must give the message up. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** A client whose calls end when the node must give the message up. */
  client<Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions): Client<Methods>;
}

/** What is done with a message. It is done when this returns or resolves; what it throws is delivered to this group again. */
export type TopicHandler<Payload> = (payload: Payload, ctx: TopicContext) => unknown;

/** A delivery out of a group's mailbox. */
export class GroupContext implements TopicContext {
  readonly topic: string;
  readonly group: string;
  readonly #ctx: Context;

  constructor(ctx: Context, topic: string, group: string) {
    this.topic = topic;
    this.group = group;
    this.#ctx = ctx;
  }

  get messageId(): string {
    return this.#ctx.messageId;
  }

  get attempt(): number {
    return this.#ctx.attempt;
  }

  get publisher(): string {
    return this.#ctx.caller;
  }

  get key(): string | undefined {
    return this.#ctx.key;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#ctx.headers;
  }

  get signal(): AbortSignal {
    return this.#ctx.signal;
  }

  get log(): Log {
    return this.#ctx.log;
  }

  get client(): <Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions) => Client<Methods> {
    return (contract, options) => this.#ctx.client(contract, options);
  }
}
