import type { Job, JobOutcome } from '../pool.ts';
import type { StopReason } from './thread-link.ts';
import type { Thread } from './thread-host.ts';

/** One job in the pool, from `start` to its outcome. */
export interface Ticket {
  /** Rises with every job: who came first. */
  readonly number: number;
  readonly job: Job;
  readonly limitMs: number;
  readonly arrivedAt: number;
  /** End of the job by its deadline, on the monotonic clock, ms; Infinity: none. */
  readonly due: number;
  readonly done: (outcome: JobOutcome) => void;
  queued: boolean;
  /** The thread that holds it, and where in its cells. */
  thread: Thread | undefined;
  slot: number;
  postedAt: number;
  /** When its handler was first seen running; 0: not yet. */
  startedAt: number;
  stopping: StopReason | undefined;
  /** When its thread is ended if it still runs, ms. */
  killAt: number;
  /** Threads that died with this job in their hands before it had begun. */
  lost: number;
}
