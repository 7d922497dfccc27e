import type { Job, JobOutcome } from '../pool.ts';
import type { Thread } from './thread-host.ts';
import type { StopReason } from './thread-link.ts';

/** One job in the pool, from `start` to its outcome. All moments are on the monotonic clock, ms. */
export class Ticket {
  /** Rises with every job: who came first. */
  readonly number: number;
  readonly actor: string;
  readonly job: Job;
  readonly limitMs: number;
  readonly arrivedAt: number;
  /** Its deadline; Infinity: none. */
  readonly due: number;
  readonly done: (outcome: JobOutcome) => void;
  queued = false;
  ended = false;
  /** The thread that holds it, and where in its cells. */
  thread: Thread | undefined;
  slot = -1;
  postedAt = 0;
  /** When it was first known to run; 0: not yet. */
  startedAt = 0;
  stopping: StopReason | undefined;
  /** When its thread is ended if it still runs. */
  killAt: number = Infinity;
  /** Threads that died with this job in their hands before it had begun. */
  lost = 0;

  constructor(
    number: number,
    actor: string,
    job: Job,
    limitMs: number,
    arrivedAt: number,
    due: number,
    done: (outcome: JobOutcome) => void,
  ) {
    this.number = number;
    this.actor = actor;
    this.job = job;
    this.limitMs = limitMs;
    this.arrivedAt = arrivedAt;
    this.due = due;
    this.done = done;
  }

  get subject(): string {
    return `${this.actor}.${this.job.method}`;
  }

  /** How long it waits for a thread at most. */
  get waitsUntil(): number {
    return Math.min(this.due, this.arrivedAt + this.limitMs);
  }

  /** When it must have ended, once it runs. */
  get endsAt(): number {
    return Math.min(this.due, this.startedAt + this.limitMs);
  }
}
