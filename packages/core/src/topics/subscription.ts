/** What `subscribe` answers. */
import { drainMsOf, type CloseOptions } from '../ground/close-options.ts';

export interface Subscription extends AsyncDisposable {
  /** The topic, or the pattern. */
  readonly subject: string;
  /** Undefined where every node hears it. */
  readonly group: string | undefined;
  /**
   * This node handles nothing more of it: what has not started goes to whoever has room, what runs has `drainMs` (default:
   * the node's) to finish. The group stays: what is published meanwhile waits for it. Safe to call twice.
   * @throws ConfigError when an option is wrong; it goes on then.
   */
  close(options?: CloseOptions): Promise<void>;
}

export class Ending implements Subscription {
  readonly subject: string;
  readonly group: string | undefined;
  readonly #end: (drainMs: number | undefined) => Promise<void>;
  #ended: Promise<void> | undefined;

  constructor(subject: string, group: string | undefined, end: (drainMs: number | undefined) => Promise<void>) {
    this.subject = subject;
    this.group = group;
    this.#end = end;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const drainMs = drainMsOf(options, `subscription to ${this.subject}: close`);
    await (this.#ended ??= this.#end(drainMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
