/**
 * The one message every subject carries, in both directions: plain JSON, 200 bytes as JSON text, no field a peer's
 * serializer would have to bend (no dates, no bytes, no big integers).
 */
export const payload = Object.freeze({
  id: 123456,
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  active: true,
  roles: ['admin', 'editor'],
  address: { street: '12 James Square', city: 'London', zip: 'SW1Y 4JH' },
  createdAt: 1700000000000,
});
