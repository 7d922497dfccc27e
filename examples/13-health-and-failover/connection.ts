// The runtime warns on stderr of what is unhealthy and of a process that dies; here both are on purpose.
process.env['LOG_LEVEL'] ??= 'error';

/** Where all processes of this example meet, and how soon a dead one is noticed. */
export const connection = {
  redis: process.env['REDIS_URL'] ?? 'redis://localhost:6379',
  namespace: process.env['NAMESPACE'] ?? 'example-13',
  // Short beats, so that a killed process is noticed after two seconds instead of three. And a patient view of an event
  // loop that stands for a moment: on a busy machine it would be one more reason to be called degraded.
  beat: { intervalMs: 250, ttlMs: 2_000, stallMs: 10_000 },
};
