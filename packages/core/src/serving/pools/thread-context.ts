/** What a handler in a worker thread knows of its message. */
import type { Client, ClientOptions } from '../../calling/client.ts';
import type { Context } from '../../contract/actor.ts';
import type { Contract, MethodSpecs } from '../../contract/contract.ts';
import { Aborted, ActorError, HandlerTimeout, HomeostatError, NodeClosed } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import { Cell, type JobTask } from './thread-link.ts';

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});
const readAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')!.get!;

export class ThreadContext implements Context {
  readonly method: string;
  readonly messageId: string;
  readonly attempt: number;
  readonly deadline: number;
  readonly caller: string;
  readonly key: string | undefined;
  readonly id: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly #cells: Int32Array;
  readonly #slot: number;
  readonly #startedAt = performance.now();
  #controller: AbortController | undefined;
  #over = false;

  constructor(task: JobTask, cells: Int32Array, log: Log) {
    this.#slot = task[0];
    this.method = task[1];
    this.messageId = task[3];
    this.attempt = task[4];
    this.deadline = task[5];
    this.caller = task[6];
    this.key = task[7];
    this.headers = task[8] ?? NO_HEADERS;
    this.id = task[9];
    this.#cells = cells;
    this.log = log;
  }

  /**
   * Aborts when the job shall stop. Reading `aborted` looks at shared memory: so a loop that never lets the event loop
   * turn can still be asked to stop.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const { signal } = (this.#controller = new AbortController());
      Object.defineProperty(signal, 'aborted', {
        get: () => {
          this.heed();
          return readAborted.call(signal) as boolean;
        },
      });
      this.heed();
    }
    return this.#controller.signal;
  }

  // Made when asked for, so that a handler may take its context apart.
  get fail(): (code: string, details: unknown, message?: string) => ActorError {
    return (code, details, message) =>
      new ActorError(code, message ?? `${this.method} failed with ${code}`, { details });
  }

  /** Kept by the main thread alone. */
  readonly state = undefined;

  client<Methods extends MethodSpecs>(contract: Contract<Methods>, _options?: ClientOptions): Client<Methods> {
    throw new HomeostatError(
      'NOT_IN_THREAD',
      `${this.method}: a handler in a worker thread cannot call ${contract.name}. Call it from an actor that runs in the async pool, and pass what it answers.`,
      { outcome: 'failed' },
    );
  }

  /** Aborts the signal if the pool has asked this job to stop. */
  heed(): void {
    if (this.#over || this.#controller === undefined || readAborted.call(this.#controller.signal)) return;
    const reason = this.#reason(Atomics.load(this.#cells, this.#slot));
    if (reason !== undefined) this.#controller.abort(reason);
  }

  /** The handler has ended: the cell belongs to the next job now. */
  end(): void {
    this.#over = true;
  }

  #reason(state: number): HomeostatError | undefined {
    if (state === Cell.overdue) return new HandlerTimeout(this.method, Math.round(performance.now() - this.#startedAt));
    if (state === Cell.aborted) return new Aborted(this.method);
    if (state === Cell.closing) return new NodeClosed(this.method, 'failed');
    return undefined;
  }
}
