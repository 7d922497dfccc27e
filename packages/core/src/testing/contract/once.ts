import type { Once, OnceBegin, OnceBegun, OnceEnded, OnceRun, OnceWaiter } from '../../ports/once.ts';
import { waitFor } from '../wait-for.ts';
import { bytesOf, textOf } from './basket.ts';
import { DEADLINE_MS, SLEEPY_BEAT } from './times.ts';
import type { Promised } from './stage.ts';

const MAILBOX = 'pay@1';
const KEEP_MS = 60_000;

const first: OnceRun = { mailbox: MAILBOX, name: 'order-1', message: 'a/1.0' };
const second: OnceRun = { ...first, message: 'b/7.3' };
const waiter = (correlation: number, inbox = 'caller'): OnceWaiter => ({ inbox, correlation });

export function once(promised: Promised): void {
  promised(
    'an id has one run; what comes meanwhile waits, and what comes later gets its answer (S4-29)',
    async (t, stage) => {
      const a = (await stage.peer('a')).link.once;
      const b = (await stage.peer('b')).link.once;
      t.deepEqual(await asks(a, first, waiter(1)), { kind: 'run', inherited: false });
      t.deepEqual(await asks(a, first, waiter(1)), { kind: 'run', inherited: false }, 'its redelivery is the same run');
      t.deepEqual(await asks(b, second, waiter(2)), { kind: 'waits' });
      t.deepEqual(await asks(b, second, waiter(2)), { kind: 'waits' }, 'who waits waits once');
      t.deepEqual(await asks(b, { ...second, name: 'order-2' }, waiter(3)), { kind: 'run', inherited: false });
      t.deepEqual(await asks(b, { ...second, mailbox: 'pay@2' }, waiter(4)), { kind: 'run', inherited: false });
      const body = bytesOf('paid');
      t.deepEqual(await keep(a, first, body), { kind: 'ended', waiters: [waiter(2)] });
      body.fill(0);
      t.deepEqual(await keep(a, first, bytesOf('paid again')), { kind: 'ended', waiters: [waiter(2)] });
      t.deepEqual(said(await asks(b, second, waiter(2))), 'paid for nobody', 'only the run tells those who wait');
      t.deepEqual(said(await asks(a, first, waiter(1))), 'paid for caller 2', 'until they were told');
      await a.told(second);
      t.deepEqual(said(await asks(a, first, waiter(1))), 'paid for caller 2', 'by the run itself');
      await a.told(first);
      await a.told(first);
      t.deepEqual(said(await asks(a, first, waiter(1))), 'paid for nobody');
    },
  );

  promised('of a hundred that begin at once one runs, and the others wait (S4-29)', async (t, stage) => {
    const links = [(await stage.peer('a')).link.once, (await stage.peer('b')).link.once];
    const runs = Array.from({ length: 100 }, (_, n) => ({ ...first, message: `c/${n}.0` }));
    const begun = await Promise.all(runs.map((run, n) => asks(links[n % 2]!, run, waiter(n))));
    const at = begun.findIndex(({ kind }) => kind === 'run');
    t.deepEqual(
      [begun.filter(({ kind }) => kind === 'run').length, begun.filter(({ kind }) => kind === 'waits').length],
      [1, 99],
    );
    const ended = await keep(links[at % 2]!, runs[at]!, bytesOf('one'));
    const told = ended.kind === 'ended' ? ended.waiters.map(({ correlation }) => correlation) : [];
    t.deepEqual(
      told.toSorted((x, y) => x - y),
      runs.map((_, n) => n).filter((n) => n !== at),
    );
  });

  promised('an answer may be nothing, large, or a failure', async (t, stage) => {
    const { once } = (await stage.peer('a')).link;
    const large = new Uint8Array(300_000).map((_, n) => n % 256);
    for (const [name, body, failed] of [
      ['nothing', undefined, false],
      ['large', large, false],
      ['failure', bytesOf('no'), true],
      ['lines', bytesOf('\n\n'), false],
    ] as const) {
      const run = { ...first, name };
      await asks(once, run, waiter(1));
      t.is((await once.end(run, { kind: 'keep', answer: { failed, body }, keepMs: KEEP_MS })).kind, 'ended');
      const found = await asks(once, { ...second, name }, waiter(2));
      if (found.kind !== 'done') throw new Error(`${name}: ${found.kind}`);
      t.is(found.answer.failed, failed, name);
      t.deepEqual(found.answer.body && [...found.answer.body], body && [...body], name);
    }
  });

  promised('after its time an answer is forgotten, and the next one runs (S4-29)', async (t, stage) => {
    const { once } = (await stage.peer('a')).link;
    await asks(once, first, waiter(1));
    await asks(once, second, waiter(2));
    await once.end(first, { kind: 'keep', answer: { failed: false, body: undefined }, keepMs: 300 });
    t.is((await asks(once, second, waiter(2))).kind, 'done');
    await waitFor(async () => (await asks(once, second, waiter(2))).kind === 'run', {
      withinMs: DEADLINE_MS,
      what: 'the end of the window',
    });
    t.deepEqual(await keep(once, second, bytesOf('new')), { kind: 'ended', waiters: [] }, 'nobody is left from before');
  });

  promised('a run that nothing is heard of holds its id for its time only', async (t, stage) => {
    const { once } = (await stage.peer('a')).link;
    await once.begin({ ...begin(first, waiter(1)), holdMs: 300 });
    t.is((await asks(once, second, waiter(2))).kind, 'waits');
    await waitFor(async () => (await asks(once, second, waiter(2))).kind === 'run', {
      withinMs: DEADLINE_MS,
      what: 'the end of the hold',
    });
    t.is((await keep(once, first, bytesOf('late'))).kind, 'lost');
  });

  promised('a freed id goes to the next, with those who were not told yet', async (t, stage) => {
    const { once } = (await stage.peer('a')).link;
    await asks(once, first, waiter(1));
    t.deepEqual(await free(once, first), { kind: 'ended', waiters: [] });
    t.deepEqual(await free(once, first), { kind: 'ended', waiters: [] });
    await asks(once, first, waiter(1));
    await asks(once, second, waiter(2));
    t.deepEqual(await free(once, first), { kind: 'ended', waiters: [waiter(2)] });
    t.deepEqual(await free(once, first), { kind: 'ended', waiters: [waiter(2)] });
    t.is((await keep(once, first, bytesOf('late'))).kind, 'lost', 'what was freed is not answered');
    const third = { ...first, message: 'c/1.0' };
    t.deepEqual(await asks(once, third, waiter(3)), { kind: 'run', inherited: false });
    await once.told(first);
    t.deepEqual(await free(once, first), { kind: 'lost' });
    t.deepEqual(await keep(once, third, bytesOf('done')), { kind: 'ended', waiters: [waiter(2)] });
    await asks(once, { ...first, name: 'told' }, waiter(1));
    await asks(once, { ...second, name: 'told' }, waiter(2));
    await free(once, { ...first, name: 'told' });
    await once.told({ ...first, name: 'told' });
    await asks(once, { ...third, name: 'told' }, waiter(3));
    t.deepEqual(await free(once, { ...third, name: 'told' }), { kind: 'ended', waiters: [] });
  });

  promised('who waits is bounded', async (t, stage) => {
    const { once } = (await stage.peer('a')).link;
    const bounded = (run: OnceRun, n: number): Promise<OnceBegun> =>
      once.begin({ ...begin(run, waiter(n)), maxWaiters: 2 });
    await bounded(first, 1);
    t.is((await bounded(second, 2)).kind, 'waits');
    t.is((await bounded({ ...first, message: 'c/1.0' }, 3)).kind, 'waits');
    t.is((await bounded({ ...first, message: 'd/1.0' }, 4)).kind, 'busy');
    t.is((await bounded(second, 2)).kind, 'waits', 'who waits already still does');
  });

  promised('a cast leaves it to the cast that runs, and never to a call', async (t, stage) => {
    const { once } = (await stage.peer('a')).link;
    t.is((await asks(once, first)).kind, 'run');
    t.is((await asks(once, second)).kind, 'waits');
    t.is((await asks(once, { ...first, message: 'c/1.0' }, waiter(1))).kind, 'waits');
    t.deepEqual(await keep(once, first, undefined), { kind: 'ended', waiters: [waiter(1)] });
    t.is((await asks(once, second)).kind, 'done');
    const call = { ...first, name: 'called' };
    await asks(once, call, waiter(1));
    t.is((await asks(once, { ...second, name: 'called' })).kind, 'busy');
  });

  promised('the run of a node that is no member goes to the next, with those who wait (S4-29)', async (t, stage) => {
    const a = await stage.peer('a', SLEEPY_BEAT);
    const b = await stage.peer('b');
    await asks(a.link.once, first, waiter(1));
    t.is((await asks(b.link.once, second, waiter(2))).kind, 'waits');
    await waitFor(async () => !(await b.isListed(a.id)), { withinMs: DEADLINE_MS, what: 'a to be taken for dead' });
    t.is((await asks(a.link.once, first, waiter(1))).kind, 'not-member');
    t.is((await keep(a.link.once, first, bytesOf('too late'))).kind, 'not-member');
    // The message that waited comes again: it is the run now, and answered as that alone.
    t.deepEqual(await asks(b.link.once, second, waiter(2)), { kind: 'run', inherited: true });
    t.is(
      (await asks(b.link.once, first, waiter(1))).kind,
      'waits',
      'the first one comes back to a run that is not its own',
    );
    await a.join();
    t.is((await keep(a.link.once, first, bytesOf('too late'))).kind, 'lost');
    t.deepEqual(await keep(b.link.once, second, bytesOf('done')), { kind: 'ended', waiters: [waiter(1)] });
  });

  promised('a run goes with its message to another node, and only that one ends it', async (t, stage) => {
    const a = (await stage.peer('a')).link.once;
    const b = (await stage.peer('b')).link.once;
    await asks(a, first, waiter(1));
    t.deepEqual(await asks(b, first, waiter(1)), { kind: 'run', inherited: false });
    t.is((await keep(a, first, bytesOf('a'))).kind, 'lost');
    t.is((await free(a, first)).kind, 'lost');
    t.is((await keep(b, first, bytesOf('b'))).kind, 'ended');
    const other = { ...first, name: 'refused' };
    await asks(a, other, waiter(1));
    await asks(a, { ...second, name: 'refused' }, waiter(2));
    t.is((await b.end({ ...second, name: 'refused' }, { kind: 'free', wherever: true })).kind, 'lost');
    t.deepEqual(await b.end(other, { kind: 'free', wherever: true }), { kind: 'ended', waiters: [waiter(2)] });
  });

  promised('the answer of a run that is known no more is kept all the same', async (t, stage) => {
    const { once } = (await stage.peer('a')).link;
    t.is((await keep(once, first, bytesOf('done'))).kind, 'ended');
    t.is(said(await asks(once, second, waiter(2))), 'done for nobody');
    t.deepEqual(await free(once, { ...first, name: 'unknown' }), { kind: 'ended', waiters: [] });
  });
}

function begin(run: OnceRun, waiting?: OnceWaiter): OnceBegin {
  return { ...run, waiter: waiting, maxWaiters: 1_000, holdMs: KEEP_MS };
}

function asks(port: Once, run: OnceRun, waiting?: OnceWaiter): Promise<OnceBegun> {
  return port.begin(begin(run, waiting));
}

function keep(port: Once, run: OnceRun, body: Uint8Array | undefined): Promise<OnceEnded> {
  return port.end(run, { kind: 'keep', answer: { failed: false, body }, keepMs: KEEP_MS });
}

function free(port: Once, run: OnceRun): Promise<OnceEnded> {
  return port.end(run, { kind: 'free', wherever: false });
}

function said(begun: OnceBegun): string {
  if (begun.kind !== 'done') return begun.kind;
  const waiters = begun.waiters.map(({ inbox, correlation }) => `${inbox} ${correlation}`);
  const text = begun.answer.body === undefined ? 'nothing' : textOf(begun.answer.body);
  return `${text} for ${waiters.join(', ') || 'nobody'}`;
}
