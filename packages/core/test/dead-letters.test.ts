import test from 'ava';
import type { Broker, DeadEntry } from '../src/ports/broker.ts';
import { DeadLetters } from '../src/node/dead-letters.ts';
import { ConfigError } from '../src/ground/errors.ts';
import { DEFAULT_MAX_BODY_BYTES, FrameWriter } from '../src/wire/frame.ts';

const HISTORY = JSON.stringify(
  [0, 2].map((index) => ({ index, attempt: 1, at: 5, node: 'n-1', code: 'NO', message: 'no' })),
);

function entry(id: string, todo: string, facts: Partial<DeadEntry> = {}): DeadEntry {
  const writer = new FrameWriter(DEFAULT_MAX_BODY_BYTES);
  writer.open(1_000);
  for (let index = 0; index < todo.length; index += 1)
    writer.addCast('run', `${id} ${index}`, 0, index === 2 ? { key: 'k', headers: { a: 'b' } } : undefined);
  return {
    id,
    frame: new Uint8Array(writer.finish('caller-1', 7, null)),
    count: todo.length,
    todo,
    reason: 'NO',
    deliveries: 3,
    history: HISTORY,
    at: 9,
    ...facts,
  };
}

/** Dead entries in the order of their ids, as the port promises them. */
class Fake {
  readonly pages: number[] = [];
  readonly acts: string[] = [];
  readonly #entries: readonly DeadEntry[];

  constructor(entries: readonly DeadEntry[]) {
    this.#entries = entries;
  }

  dead(_mailbox: string, page: { readonly after?: string; readonly limit: number }): Promise<readonly DeadEntry[]> {
    const later = this.#entries
      .filter(({ id }) => page.after === undefined || before(page.after, id))
      .slice(0, page.limit);
    this.pages.push(later.length);
    return Promise.resolve(later);
  }

  replay(mailbox: string, id: string, moved: string): Promise<boolean> {
    this.acts.push(`replay ${mailbox} ${id} ${moved}`);
    return Promise.resolve(true);
  }

  drop(mailbox: string, id: string, moved: string): Promise<boolean> {
    this.acts.push(`drop ${mailbox} ${id} ${moved}`);
    return Promise.resolve(false);
  }
}

function before(a: string, b: string): boolean {
  const [[aMs, aSeq], [bMs, bSeq]] = [a, b].map((id) => id.split('-').map(BigInt)) as [
    [bigint, bigint],
    [bigint, bigint],
  ];
  return aMs < bMs || (aMs === bMs && aSeq < bSeq);
}

function letters(entries: readonly DeadEntry[]): { fake: Fake; dead: DeadLetters } {
  const fake = new Fake(entries);
  return { fake, dead: new DeadLetters(fake as unknown as Broker, 'm@1', DEFAULT_MAX_BODY_BYTES, async () => 0) };
}

test('each dead envelope of an entry is a letter of its own, with its own history', async (t) => {
  const { dead } = letters([entry('5-0', '1011')]);
  const all = await dead.list();
  t.deepEqual(
    all.map(({ input, messageId, history, key, headers }) => ({
      input,
      messageId,
      attempts: history.length,
      key,
      headers,
    })),
    [
      { input: '5-0 0', messageId: 'caller-1/7.0', attempts: 1, key: undefined, headers: {} },
      { input: '5-0 2', messageId: 'caller-1/7.2', attempts: 1, key: 'k', headers: { a: 'b' } },
      { input: '5-0 3', messageId: 'caller-1/7.3', attempts: 0, key: undefined, headers: {} },
    ],
  );
});

test('pages of any size show every letter once, also when one ends inside an entry', async (t) => {
  const entries = [
    entry('5-0', '111'),
    entry('5-1', '0101'),
    entry('6-0', '1'),
    entry('18-18446744073709551615', '11'),
    entry('19-0', '111'),
  ];
  const expected = [
    '5-0 0',
    '5-0 1',
    '5-0 2',
    '5-1 1',
    '5-1 3',
    '6-0 0',
    '18-18446744073709551615 0',
    '18-18446744073709551615 1',
    '19-0 0',
    '19-0 1',
    '19-0 2',
  ];
  for (let limit = 1; limit <= 12; limit += 1) {
    const { dead } = letters(entries);
    const seen: unknown[] = [];
    for (let after: string | undefined; ;) {
      const page = await dead.list({ limit, ...(after === undefined ? undefined : { after }) });
      seen.push(...page.map(({ input }) => input));
      after = page.at(-1)?.id;
      if (after === undefined) break;
    }
    t.deepEqual(seen, expected, `pages of ${limit}`);
  }
});

test('after a letter whose entry is gone come the later ones', async (t) => {
  const { dead } = letters([entry('5-0', '1'), entry('7-0', '1')]);
  t.deepEqual(
    (await dead.list({ after: '6-0.1.3' })).map(({ input }) => input),
    ['7-0 0'],
  );
});

test('bytes that are no frame, and a history that is none, are shown as they are', async (t) => {
  const { dead } = letters([
    entry('5-0', '11', { frame: new Uint8Array([1, 2, 3]), history: 'not json' }),
    entry('6-0', '1', { history: '{"a":1}' }),
  ]);
  const all = await dead.list();
  t.deepEqual(
    all.map(({ id, messageId, method, input, history }) => ({ id, messageId, method, input, history: history.length })),
    [
      { id: '5-0.0.2', messageId: '', method: '', input: undefined, history: 0 },
      { id: '5-0.1.2', messageId: '', method: '', input: undefined, history: 0 },
      { id: '6-0.0.1', messageId: 'caller-1/7.0', method: 'run', input: '6-0 0', history: 0 },
    ],
  );
  t.deepEqual(all[0]?.bytes, new Uint8Array([1, 2, 3]));
});

test('replay and drop name the one envelope that is meant', async (t) => {
  const { fake, dead } = letters([entry('5-0', '1011')]);
  const [, second] = await dead.list();
  t.is(await dead.replay(second!.id), true);
  t.is(await dead.drop(second!.id), false);
  t.is(await dead.replayAll(), 3);
  t.deepEqual(fake.acts, [
    'replay m@1 5-0 0010',
    'drop m@1 5-0 0010',
    'replay m@1 5-0 1000',
    'replay m@1 5-0 0010',
    'replay m@1 5-0 0001',
  ]);
});

test('an id that no list gave is refused', async (t) => {
  const { dead } = letters([]);
  for (const id of ['', '5-0', '5-0.3.3', '5-0.-1.3', 'x.0.1', '5.0.1']) {
    await t.throwsAsync(dead.replay(id), { instanceOf: ConfigError }, id);
    await t.throwsAsync(dead.drop(id), { instanceOf: ConfigError }, id);
  }
});
