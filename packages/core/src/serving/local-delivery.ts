/**
 * Calls that an actor of this very process runs, without the backend. They take the same places as deliveries do, and wait
 * for them until their deadline.
 */
import { NodeClosed, type HomeostatError } from '../ground/errors.ts';
import { LocalCall, type LocalRequest, type LocalRoom, type LocalRun } from './local-call.ts';
import { PING } from '../calling/ping.ts';

export class LocalDeliveries {
  readonly #room: LocalRoom;
  readonly #running = new Set<LocalCall>();
  readonly #waiting = new Set<LocalCall>();
  #numbers = 0;
  #closed = false;
  #drained: (() => void)[] = [];

  constructor(room: LocalRoom) {
    this.#room = room;
  }

  /** Calls that no place has been free for. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  /**
   * Starts a call, or lets it wait for a place until its deadline. Exactly one of the two is called, maybe before this
   * returns.
   */
  run(request: LocalRequest, resolve: (value: unknown) => void, reject: (error: Error) => void): LocalRun {
    this.#numbers += 1;
    const call = new LocalCall(this.#over, this.#room, request, this.#numbers, resolve, reject);
    if (this.#closed) call.abort(new NodeClosed(call.subject));
    else if (call.prepare() && !this.#start(call)) this.#waiting.add(call);
    return call;
  }

  /** A place is free: starts the call that waits longest. With `pingsOnly` anything else goes on waiting. */
  startNext(pingsOnly: boolean): void {
    for (const call of this.#waiting) {
      if (pingsOnly && call.method !== PING) continue;
      this.#start(call);
      return;
    }
  }

  /** Nothing starts any more; what waits is refused. */
  stop(): void {
    this.#closed = true;
    for (const call of [...this.#waiting]) call.abort(new NodeClosed(call.subject));
  }

  /** Ends what runs: the callers are told the reason. */
  giveUp(reason: HomeostatError): void {
    for (const call of [...this.#running]) call.giveUp(reason);
  }

  drained(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  readonly #over = (call: LocalCall): void => {
    this.#waiting.delete(call);
    if (this.#running.delete(call) && this.#running.size === 0)
      for (const resolve of this.#drained.splice(0)) resolve();
  };

  #start(call: LocalCall): boolean {
    if (!this.#room.enter(call.method, call.waitedMs)) return false;
    this.#waiting.delete(call);
    this.#running.add(call);
    call.start();
    return true;
  }
}
