/** Where both processes meet. Nodes see only those of their namespace. */
export const connection = {
  redis: process.env['REDIS_URL'] ?? 'redis://localhost:6379',
  namespace: process.env['NAMESPACE'] ?? 'example-02',
};
