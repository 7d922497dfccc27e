/**
 * Backend time: an offset against the monotonic clock. A sample is as good as its round trip is short; the best one
 * stands until a better one comes, until drift has made it worse than a new one, or until Redis' clock was stepped.
 */
import type { Connection } from './connection.ts';
import { guarded } from './connection.ts';

/** How much a sample loses with age: clocks drift apart by less than this, ms per ms. */
const DRIFT = 1e-4;
const SAMPLES = 8;
/** Disagreement beyond the error of both samples by this much means that the clock was stepped, ms. */
const STEP_MS = 2;

/** Milliseconds on the process-wide monotonic clock: the same in every thread. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** performance.now() starts with its thread: what to add for the process-wide clock. */
const LOCAL_SHIFT = localShift();

/** The tightest of several looks at both clocks: this thread may be put aside between two lines. */
function localShift(): number {
  let tightest = Infinity;
  let shift = 0;
  for (let i = 0; i < SAMPLES; i += 1) {
    const before = performance.now();
    const shared = monotonic();
    const after = performance.now();
    if (after - before >= tightest) continue;
    tightest = after - before;
    shift = shared - (before + after) / 2;
  }
  return shift;
}

export interface TimeSample {
  /** Backend time minus monotonic time, ms. */
  readonly offset: number;
  readonly roundTripMs: number;
  /** When it was taken (monotonic). */
  readonly at: number;
}

/** A sample from TIME's answer between two readings of the monotonic clock. */
export function sampleOf(seconds: string, microseconds: string, sent: number, received: number): TimeSample {
  const server = Number(seconds) * 1000 + Number(microseconds) / 1000;
  return { offset: server - (sent + received) / 2, roundTripMs: received - sent, at: received };
}

export class BackendTime {
  #best: TimeSample | undefined;

  now(): number {
    return performance.now() + LOCAL_SHIFT + (this.#best?.offset ?? 0);
  }

  offer(sample: TimeSample): void {
    const best = this.#best;
    if (best === undefined) {
      this.#best = sample;
      return;
    }
    const aged = best.roundTripMs + (sample.at - best.at) * DRIFT;
    const disagreement = Math.abs(sample.offset - best.offset) - (sample.roundTripMs + aged) / 2;
    if (sample.roundTripMs <= aged || disagreement > STEP_MS) this.#best = sample;
  }

  /** Takes the fastest of eight samples: at connect, before any time is written. */
  async measure(connection: Connection): Promise<void> {
    for (let i = 0; i < SAMPLES; i += 1) {
      const sent = monotonic();
      const [seconds, microseconds] = await guarded('TIME', connection.sendText<[string, string]>('time', []));
      this.offer(sampleOf(seconds, microseconds, sent, monotonic()));
    }
  }
}
