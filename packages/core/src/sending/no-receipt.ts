import type { Receipt } from './outbox.ts';

/** For what nobody waits for: it is sent as long as it can be. */
export const NO_RECEIPT: Receipt = {
  wanted: true,
  travels: false,
  accepted: () => undefined,
  refused: () => undefined,
};
