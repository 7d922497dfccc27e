// The runtime warns on stderr of a process that dies; here it is killed on purpose.
process.env['LOG_LEVEL'] ??= 'error';

/** Where all processes of this example meet, and how soon a dead one is noticed. */
export const connection = {
  redis: process.env['REDIS_URL'] ?? 'redis://localhost:6379',
  namespace: process.env['NAMESPACE'] ?? 'example-06',
  // Short beats, so that a killed process is noticed after one second instead of three: nobody likes to wait for a demo.
  beat: { intervalMs: 200, ttlMs: 1_000 },
};
