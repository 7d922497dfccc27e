/** What is read of partitions in one lane, with the answers of the server in the test's hands. */
import test from 'ava';
import type { Connection } from '../src/connection.ts';
import type { Ground } from '../src/ground.ts';
import { laneKeys } from '../src/keys.ts';
import { LaneLogs } from '../src/lane-logs.ts';
import { quietLog } from '../src/quiet-log.ts';
import { Tenures } from '../src/tenures.ts';
import { until } from './house.ts';

const CHECKED = '1';

/** Pages that were asked for, each with how to answer it. */
class Pages {
  readonly asked: { readonly checked: boolean; readonly after: string; answer(ids: readonly string[]): void }[] = [];

  readonly send = (_verb: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve) => {
      const [after, , checked] = args.slice(-3);
      const entryOf = (id: string): unknown => [
        Buffer.from(id),
        [Buffer.from('f'), Buffer.from('frame'), Buffer.from('n'), Buffer.from('1')],
        Buffer.alloc(0),
      ];
      this.asked.push({
        checked: checked === CHECKED,
        after: String(after),
        answer: (ids) => resolve([Buffer.from('0'), ids.map(entryOf)]),
      });
    });
}

test('a log is compared with its end after each new connection, whatever was asked before', async (t) => {
  const keys = laneKeys('here', 0);
  const tenures = new Tenures([keys]);
  const pages = new Pages();
  let end = (_closed: Error): void => {};
  const reader = {
    ready: false,
    epoch: 0,
    onReady: () => {},
    start: () => {},
    close: () => end(new Error('closed')),
    sendText: async () => 7,
    // Nothing comes.
    send: () => new Promise((_resolve, reject) => (end = reject)),
  };
  const ground = {
    lane: () => keys,
    log: quietLog,
    registration: { id: 'me' },
    tenures,
    command: pages as unknown as Connection,
    readerConnection: () => reader as unknown as Connection,
    blockMs: 1_000,
  };
  const logs = new LaneLogs(ground as unknown as Ground, 0);
  tenures.begin('bank@1', 0, 'me');
  const got: string[] = [];
  logs.read(tenures.get('bank@1#0')!, { room: () => 8, take: (claims) => got.push(...claims.map(({ id }) => id)) });
  t.deepEqual(
    pages.asked.map(({ checked, after }) => ({ checked, after })),
    [{ checked: false, after: '' }],
  );
  // The server is another one by now, and the page of the one before is still on its way.
  reader.ready = true;
  reader.epoch = 1;
  reader.onReady();
  await new Promise((resolve) => setImmediate(resolve));
  pages.asked[0]?.answer(['5-0']);
  await until('it to be asked again', () => pages.asked.length === 2);
  t.true(pages.asked[1]?.checked);
  pages.asked[1]?.answer(['5-0', '6-0']);
  await until('what is there', () => got.length === 2);
  t.deepEqual(got, ['5-0', '6-0']);
  await logs.close();
});
