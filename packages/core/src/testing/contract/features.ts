import type { Promised } from './stage.ts';

const MAILBOX = 'durable@1';
const DAY_MS = 86_400_000;

/** What only some backends can do. */
export function features(promised: Promised): void {
  promised(
    'what was accepted is there after the backend was started again',
    async (t, stage) => {
      const before = await stage.peer('before');
      await before.send(MAILBOX, 'waiting');
      await before.send(MAILBOX, 'delayed', { at: before.link.now() + 200 });
      await stage.world.restart?.();
      const after = await stage.peer('after');
      const basket = await after.consume(MAILBOX);
      await basket.holds(2);
      t.deepEqual(basket.texts().toSorted(), ['delayed', 'waiting']);
    },
    'survivesRestart',
  );

  promised(
    'a frame delayed by a day comes after a day',
    async (t, stage) => {
      const peer = await stage.peer('peer');
      const basket = await peer.consume(MAILBOX);
      await peer.send(MAILBOX, 'tomorrow', { at: peer.link.now() + DAY_MS });
      await stage.world.advance?.(DAY_MS - 1);
      t.deepEqual(basket.texts(), []);
      await stage.world.advance?.(1);
      await basket.holds(1);
      t.deepEqual(basket.texts(), ['tomorrow']);
    },
    'virtualTime',
  );
}
