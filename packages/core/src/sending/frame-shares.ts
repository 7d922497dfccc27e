/**
 * How large a part of a frame one envelope may take, so that a frame holds at most about 5 ms of its handlers' work:
 * envelopes ≤ 5 ms × concurrency ÷ service time. The nodes that serve a mailbox publish this as hints beside it; an
 * append brings them back.
 */
import { MAX_ENVELOPES } from '../wire/frame.ts';

/** Handler work that one frame should hold at most, ms. */
export const FRAME_WORK_MS = 5;
/** Envelopes of a method of which nothing is known yet. */
const UNKNOWN_ENVELOPES = 8;
/** Stands for every method that is not named. */
const ANY = '*';

/** Writes hints: `getUser:128,resize:1`. */
export function writeHints(envelopes: ReadonlyMap<string, number>): string {
  return [...envelopes].map(([method, count]) => `${method}:${count}`).join(',');
}

/** How many envelopes of a method one frame should hold. */
export function envelopesPerFrame(serviceMs: number, concurrency: number): number {
  const fitting = Math.floor((FRAME_WORK_MS * concurrency) / Math.max(serviceMs, 1e-6));
  return Math.min(MAX_ENVELOPES, Math.max(1, fitting));
}

/** Of a partition: one node has all of it anyway, so that nothing is gained by small frames. */
export const WHOLE_FRAMES: Pick<FrameShares, 'of' | 'learn'> = { of: () => 1 / MAX_ENVELOPES, learn: () => undefined };

export class FrameShares {
  #hints = '';
  #shares = new Map<string, number>();
  #any = 1 / UNKNOWN_ENVELOPES;

  of(method: string): number {
    return this.#shares.get(method) ?? this.#any;
  }

  /** Takes hints as an append brought them; whatever is not understood is left out. */
  learn(hints: string | undefined): void {
    if (hints === undefined || hints === this.#hints) return;
    this.#hints = hints;
    this.#shares = new Map();
    this.#any = 1 / UNKNOWN_ENVELOPES;
    for (const hint of hints.split(',')) {
      const [method = '', count = ''] = hint.split(':');
      const envelopes = Math.min(MAX_ENVELOPES, Math.floor(Number(count)));
      if (!(envelopes >= 1)) continue;
      if (method === ANY) this.#any = 1 / envelopes;
      else this.#shares.set(method, 1 / envelopes);
    }
  }
}
