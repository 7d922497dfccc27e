import { randomBytes } from 'node:crypto';
import { memory, type NodeOptions } from 'homeostat';

/** The same job for every run; another number gives other user records. */
export const SEED = 7;
/** How long work is handed out, s. */
export const LOAD_SECONDS = Number(process.env['HOMEOSTAT_TOUR_SECONDS'] ?? 12);

const asked = process.env['HOMEOSTAT_BACKEND'] === 'memory' ? undefined : process.env['REDIS_URL'];

/** Undefined: the memory backend. */
export const redisUrl = asked === '' ? undefined : asked;
/** A new one for every run, handed down to the services, so that runs never meet. */
export const namespace = process.env['HOMEOSTAT_TOUR_NAMESPACE'] ?? `tour-${randomBytes(4).toString('hex')}`;

// The runtime logs redeliveries and dead letters on stderr. Here they are meant to happen, and the summary counts them.
process.env['LOG_LEVEL'] ??= 'silent';

const shared = memory(); // for the nodes of one process; unused with Redis

/** What all nodes of the tour have in common. */
export const connection: NodeOptions = {
  ...(redisUrl === undefined ? { backend: shared } : { redis: redisUrl }),
  namespace,
  // Shorter beats than the default of 1 s and 3 s, so that the killed service is noticed sooner. Not shorter still: on a
  // busy machine a living process may be late, too.
  beat: { intervalMs: 250, ttlMs: 2_000 },
};
