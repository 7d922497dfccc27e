import test from 'ava';
import { pino } from 'pino';
import type { RecordChange, Records, SharedRecord } from '../../src/ports/records.ts';
import { Book } from '../../src/schedules/book.ts';
import { PROGRESS, SCHEDULE } from '../../src/schedules/definition.ts';

const definition = {
  id: 'one',
  when: { every: 1_000 },
  from: 10_000,
  catchUp: 'one',
  overlap: 'allow',
  mailbox: 'reports@1',
  method: 'make',
} as const;

function record(name: string, revision: number, body: unknown = definition): SharedRecord {
  return { name, revision, body, at: 1, by: 'test' };
}

function house() {
  const changed: string[] = [];
  const stored = new Map<string, SharedRecord[]>();
  let reading: Promise<void> = Promise.resolve();
  const records: Records = {
    all: async (family) => {
      const all = stored.get(family) ?? [];
      await reading;
      return all;
    },
    change: (change: RecordChange) => Promise.reject(new Error(`${change.family} is not changed here`)),
    history: () => Promise.resolve([]),
  };
  const book = new Book({
    records,
    log: pino({ level: 'silent' }),
    changed: (name) => changed.push(name),
    removed: () => undefined,
  });
  const tell = (kind: string, body: unknown): void => book.apply({ seq: 1, kind, id: 'x', body });
  const readSlowly = (): (() => void) => {
    let go = (): void => undefined;
    reading = new Promise((resolve) => {
      go = resolve;
    });
    return () => go();
  };
  return { book, tell, changed, stored, readSlowly };
}

/** As it comes over the wire: what is undefined is not there. */
const wired = (body: unknown): unknown => JSON.parse(JSON.stringify(body));

test('a schedule comes, comes further, and goes by the news', (t) => {
  const { book, tell, changed } = house();
  tell(SCHEDULE, wired(record('x', 1)));
  t.is(book.get('x')?.next, 10_000);
  tell(PROGRESS, wired(record('x', 1, { id: 'one', at: 12_000, runs: 2, skipped: 1 })));
  t.is(book.get('x')?.next, 13_000);
  t.is(book.revision(PROGRESS, 'x'), 1);
  tell(SCHEDULE, wired(record('x', 1)));
  t.deepEqual(changed, ['x', 'x'], 'what is known already changes nothing');
  tell(SCHEDULE, wired({ ...record('x', 2), body: undefined }));
  t.is(book.get('x'), undefined);
  t.is(book.revision(SCHEDULE, 'x'), 0);
});

test('progress of another one of the same name does not count', (t) => {
  const { book, tell } = house();
  tell(PROGRESS, record('x', 1, { id: 'other', at: 12_000, runs: 2, skipped: 1 }));
  tell(SCHEDULE, record('x', 1));
  t.is(book.get('x')?.progress, undefined);
  t.is(book.get('x')?.next, 10_000);
});

test('what was removed here is not revived by older news', (t) => {
  const { book, tell } = house();
  tell(SCHEDULE, record('x', 1));
  book.wrote(SCHEDULE, record('x', 3, null));
  tell(SCHEDULE, record('x', 2));
  t.is(book.get('x'), undefined);
  tell(SCHEDULE, wired({ ...record('x', 3), body: undefined }));
  tell(SCHEDULE, record('x', 4));
  t.not(book.get('x'), undefined);
});

test('what cannot be read is left alone, and can be written over', (t) => {
  const { book, tell } = house();
  for (const body of [{}, 'text', { ...definition, when: { cron: 'x', timeZone: 'UTC' } }, { ...definition, id: '{' }])
    tell(SCHEDULE, record('x', 1, body));
  tell(SCHEDULE, { revision: 'x' });
  tell(SCHEDULE, undefined);
  tell('settings', record('x', 1));
  t.is(book.get('x'), undefined);
  t.is(book.revision(SCHEDULE, 'x'), 1);
});

test('a backend that has lost its last words counts, whatever the revision', async (t) => {
  const { book, tell, stored } = house();
  tell(SCHEDULE, record('kept', 7));
  tell(SCHEDULE, record('lost', 8));
  tell(PROGRESS, record('kept', 9, { id: 'one', at: 12_000, runs: 2, skipped: 0 }));
  stored.set(SCHEDULE, [record('kept', 2, { ...definition, from: 20_000 })]);
  await book.resync();
  t.is(book.get('lost'), undefined);
  t.is(book.get('kept')?.next, 20_000);
  t.is(book.revision(SCHEDULE, 'kept'), 2);
  t.is(book.revision(PROGRESS, 'kept'), 0);
});

test('what changes while everything is read stays', async (t) => {
  const { book, tell, stored, readSlowly } = house();
  tell(SCHEDULE, record('x', 1));
  tell(SCHEDULE, record('gone', 1));
  stored.set(SCHEDULE, [record('x', 1), record('gone', 1)]);
  const go = readSlowly();
  const resynced = book.resync();
  tell(SCHEDULE, record('x', 2, { ...definition, from: 30_000 }));
  tell(SCHEDULE, record('new', 1));
  book.wrote(SCHEDULE, record('gone', 2, null));
  go();
  await resynced;
  t.is(book.get('x')?.next, 30_000);
  t.not(book.get('new'), undefined);
  t.is(book.get('gone'), undefined);
});

test('what was removed while everything was read does not come back by what was read', async (t) => {
  const { book, tell, stored, readSlowly } = house();
  tell(SCHEDULE, record('x', 1));
  stored.set(SCHEDULE, [record('x', 1)]);
  const go = readSlowly();
  const resynced = book.resync();
  tell(SCHEDULE, wired({ ...record('x', 2), body: undefined }));
  go();
  await resynced;
  t.is(book.get('x'), undefined);
  t.is(book.revision(SCHEDULE, 'x'), 0);
});

test('removals that are told before they are answered leave nothing behind', (t) => {
  const { book, tell } = house();
  for (let n = 0; n <= 20_000; n += 1) {
    tell(SCHEDULE, record(`x${n}`, 2, null));
    book.wrote(SCHEDULE, record(`x${n}`, 2, null));
  }
  tell(SCHEDULE, record('y', 1));
  t.not(book.get('y'), undefined, 'there is room for it');
});

test('what was written here and removed by others before that was answered is gone', (t) => {
  const { book, tell } = house();
  tell(SCHEDULE, record('x', 1));
  tell(SCHEDULE, record('x', 2, null));
  book.wrote(SCHEDULE, record('x', 1));
  t.is(book.get('x'), undefined);
  tell(SCHEDULE, record('x', 3));
  t.is(book.revision(SCHEDULE, 'x'), 3);
});

test('a backend that has lost everything begins anew, also with what had been removed', async (t) => {
  const { book, tell, stored } = house();
  for (const name of ['x', 'y']) tell(SCHEDULE, record(name, 7, null));
  stored.set(SCHEDULE, [record('x', 2)]);
  await book.resync();
  tell(SCHEDULE, record('y', 1));
  t.deepEqual(
    ['x', 'y'].map((name) => book.revision(SCHEDULE, name)),
    [2, 1],
  );
});

test('removals are remembered in bounds', (t) => {
  const { book, tell } = house();
  for (let n = 0; n <= 1_000; n += 1) tell(SCHEDULE, record(`x${n}`, 2, null));
  for (const name of ['x0', 'x1']) tell(SCHEDULE, record(name, 1));
  t.is(book.revision(SCHEDULE, 'x0'), 1);
  t.is(book.get('x1'), undefined);
});
