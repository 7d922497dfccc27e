// The runtime warns on stderr of a process that dies; here it is killed on purpose.
process.env['LOG_LEVEL'] ??= 'error';

/** Where all processes of this example meet, and how soon a dead one is noticed. */
export const connection = {
  redis: process.env['REDIS_URL'] ?? 'redis://localhost:6379',
  namespace: process.env['NAMESPACE'] ?? 'example-06',
  // Short beats, so that a killed process is noticed after two seconds instead of three.
  beat: { intervalMs: 250, ttlMs: 2_000 },
};
