import type { BeatOptions, MailboxLimits } from '../../ports/broker.ts';

/** How long a condition may take on a real server and a busy machine, ms. */
export const DEADLINE_MS = 5_000;

export const SHORT_BEAT: BeatOptions = { intervalMs: 100, ttlMs: 600, stallMs: 300, evictMs: 5_000 };

/** A node that hardly ever beats: to a neighbour with `SHORT_BEAT` it is dead while its link is well. */
export const SLEEPY_BEAT: BeatOptions = { intervalMs: 60_000, ttlMs: 180_000, stallMs: 60_000, evictMs: 180_000 };

/** Beats, but too late for a neighbour with `SHORT_BEAT`; soon enough to learn of its eviction within the deadline. */
export const LATE_BEAT: BeatOptions = { intervalMs: 2_500, ttlMs: 7_500, stallMs: 2_500, evictMs: 10_000 };

export const WIDE: MailboxLimits = { maxLength: 1_000_000, maxBytes: 1_073_741_824 };
