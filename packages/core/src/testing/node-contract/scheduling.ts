/** Messages and functions by the clock: once for each tick, whoever lives. */
import { z } from 'zod';
import { altered } from '../altered.ts';
import type { Backend } from '../../backend.ts';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { TransportError } from '../../ground/errors.ts';
import type { ActorNode } from '../../node/node.ts';
import type { Broker } from '../../ports/broker.ts';
import type { TickFunction } from '../../schedules/functions.ts';
import { faulty } from '../faulty.ts';
import { AlertStage as ClockStage, MINUTE, SECOND } from './alert-stage.ts';
import { gate, numbers, refusal, until, type Promised } from './stage.ts';

const reports = contract('reports', {
  methods: { make: { input: z.object({ of: z.string() }) }, sweep: {} },
});
type Reports = (typeof reports)['methods'];
const streamed = contract('streamed', { methods: { rows: { yields: z.string() } } });

interface Made {
  readonly of: string;
  readonly tick: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

function maker(made: Made[]): Actor<Reports> {
  return actor(reports, {
    make: ({ of }, { headers, key }) => void made.push({ of, tick: Number(headers['homeostat-tick']), key, headers }),
    sweep: (_input, { headers, key }) =>
      void made.push({ of: 'sweep', tick: Number(headers['homeostat-tick']), key, headers }),
  });
}

const make = { contract: reports, method: 'make', input: { of: 'sales' } } as const;
const ticksOf = (made: readonly Made[]): number[] => made.map(({ tick }) => tick);
const gaps = (ticks: readonly number[]): number[] => ticks.slice(1).map((tick, i) => tick - (ticks[i] ?? 0));

/** Turns time forward by one period after the other, and waits for what that sets off. */
async function tickByTick(stage: ClockStage, periodMs: number, ticks: number, count: () => number): Promise<void> {
  for (let tick = 0; tick < ticks; tick += 1) {
    const before = count();
    await stage.clock.jump(periodMs);
    await until(`tick ${tick + 1}`, () => count() > before);
  }
}

/** Nothing waits or runs there: what has run is written down as well. */
async function settled(node: ActorNode, mailbox: string): Promise<void> {
  await until(`${mailbox} to be empty`, async () => (await node.depth({ ...reports, mailbox })).messages === 0);
}

export function scheduling(promised: Promised): void {
  promised(
    'schedules: of three nodes with a singleton, one runs it at each tick, in phase (S3-31)',
    async (t, stage) => {
      const clocked = new ClockStage(stage);
      const nodes = await clocked.nodes('a', 'b', 'c');
      const ran: { readonly node: string; readonly at: number }[] = [];
      for (const node of nodes) {
        const sweep: TickFunction = ({ at }) => ran.push({ node: node.name, at });
        await node.every(MINUTE, sweep, { singleton: true });
      }
      const [a] = nodes as [ActorNode];
      for (const tick of numbers(12)) {
        await clocked.clock.jump(MINUTE);
        await until('the tick', () => ran.length > tick);
        await settled(a, 'tick.sweep@1');
      }
      const ticks = ran.map(({ at }) => at);
      t.is(new Set(ticks).size, 12);
      t.deepEqual(new Set(gaps(ticks)), new Set([MINUTE]));
      await until('it to be written down', async () => {
        const { runs = 0, skipped = 0 } = (await a.schedules.get('tick.sweep')) ?? {};
        return runs + skipped === 12;
      });
      t.deepEqual(
        (await a.schedules.list()).map(({ name, lastAt }) => [name, lastAt]),
        [['tick.sweep', ticks.at(-1)]],
      );
    },
  );

  promised('schedules: a message at each tick, with its input, its key and its headers', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const [server, other] = (await clocked.nodes('server', 'other')) as [ActorNode, ActorNode];
    await server.serve(maker(made));
    const put = await other.schedules.put('nightly', {
      ...{ cron: '*/5 * * * *', timeZone: 'Europe/Berlin', ...make },
      ...{ key: 'k', headers: { from: 'test' } },
    });
    t.is((put.nextAt ?? 0) % (5 * MINUTE), 0);
    await tickByTick(clocked, 5 * MINUTE, 3, () => made.length);
    t.deepEqual(gaps(ticksOf(made)), [5 * MINUTE, 5 * MINUTE]);
    t.is(made[0]?.tick, put.nextAt);
    t.deepEqual(
      made.map(({ of, key, headers }) => [of, key, headers['from'], headers['homeostat-schedule']]),
      numbers(3).map(() => ['sales', 'k', 'test', 'nightly']),
    );
  });

  promised('schedules: the same put by every node, at once and again, is one; its phase stays', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const nodes = await clocked.nodes('a', 'b', 'c');
    const [a, b] = nodes as [ActorNode, ActorNode];
    await a.serve(maker(made));
    const puts = await Promise.all(nodes.map((node) => node.schedules.put('x', { every: 10 * SECOND, ...make })));
    t.is(new Set(puts.map(({ nextAt }) => nextAt)).size, 1);
    await tickByTick(clocked, 10 * SECOND, 2, () => made.length);
    await until('it to be written down', async () => (await b.schedules.get('x'))?.runs === 2);
    await clocked.clock.jump(4 * SECOND);
    const again = await b.schedules.put('x', { every: 10 * SECOND, ...make, input: { of: 'costs' } });
    t.is(again.nextAt, (made[1]?.tick ?? 0) + 10 * SECOND);
    t.is(again.runs, 2);
    await tickByTick(clocked, 10 * SECOND, 2, () => made.length);
    t.deepEqual(
      made.map(({ of }) => of),
      ['sales', 'sales', 'costs', 'costs'],
    );
    t.deepEqual(new Set(gaps(ticksOf(made))), new Set([10 * SECOND]));
    const replaced = await a.schedules.put('x', { every: 3 * SECOND, ...make });
    t.is(replaced.runs, 0);
    t.is((await b.schedules.list()).length, 1);
    await tickByTick(clocked, 3 * SECOND, 2, () => made.length);
    t.deepEqual(ticksOf(made.slice(4)), [replaced.nextAt, (replaced.nextAt ?? 0) + 3 * SECOND]);
  });

  promised(
    'schedules: who puts a tick in and can say no more leaves it to the others, and it comes once',
    async (t, stage) => {
      const clocked = new ClockStage(stage);
      const made: Made[] = [];
      // Whatever it does, how far the schedule has come is never written: as if it died each time just before.
      const mute = await clocked.node('mute', { backend: withoutProgress(stage.backend()) });
      await mute.schedules.put('x', { every: 10 * SECOND, ...make });
      await mute.serve(maker(made));
      await clocked.clock.jump(10 * SECOND);
      await until('the tick', () => made.length === 1);
      await clocked.clock.jump(2 * SECOND);
      const server = await clocked.node('server');
      for (let tick = 2; tick <= 6; tick += 1) {
        await until('the other to go on', async () => (await server.schedules.get('x'))?.runs === tick - 1);
        await clocked.clock.jump(10 * SECOND);
        await until('the tick', () => made.length >= tick);
      }
      t.deepEqual(
        gaps(ticksOf(made)),
        numbers(5).map(() => 10 * SECOND),
      );
    },
  );

  promised('schedules: a tick whose acceptance was not heard of is sent again, and comes once', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const deaf = faulty(stage.backend());
    const node = await clocked.node('deaf', { backend: deaf });
    const server = await clocked.node('server');
    await server.serve(maker(made));
    await node.schedules.put('x', { every: 10 * SECOND, ...make });
    for (let tick = 1; tick <= 4; tick += 1) {
      deaf.dropNextReply('append');
      await clocked.clock.jump(8 * SECOND);
      await clocked.pass(2 * SECOND, SECOND / 2);
      await until('the tick', () => made.length >= tick);
      await until('it to be written down', async () => (await server.schedules.get('x'))?.runs === tick);
    }
    t.is(made.length, 4);
    t.deepEqual(new Set(gaps(ticksOf(made))), new Set([10 * SECOND]));
  });

  promised('schedules: who was refused as no member tries again when it is one', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const node = await clocked.node('alone', { backend: refusingOnce(stage.backend()) });
    await node.serve(maker(made));
    await node.schedules.put('x', { delayMs: 10 * SECOND, ...make });
    await clocked.clock.jump(11 * SECOND);
    await clocked.pass(2 * SECOND, SECOND / 2);
    await until('the tick', () => made.length === 1);
    t.is(made.length, 1);
  });

  promised('schedules: a counted one is counted over such a death, too', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const mute = await clocked.node('mute', { backend: withoutProgress(stage.backend()) });
    await mute.serve(maker(made));
    await mute.schedules.put('x', { every: SECOND, limit: 3, ...make });
    await clocked.clock.jump(SECOND);
    await until('the first', () => made.length === 1);
    // It cannot go on, and puts in no other.
    await clocked.pass(5 * SECOND, SECOND);
    t.is(made.length, 1);
    const other = await clocked.node('other');
    await until('the other to see', async () => ((await other.schedules.get('x'))?.runs ?? 0) >= 1);
    await tickByTick(clocked, SECOND, 2, () => made.length);
    await until('the end', async () => (await other.schedules.get('x'))?.nextAt === undefined);
    await clocked.pass(5 * SECOND, SECOND);
    t.is(made.length, 3);
    t.is((await other.schedules.get('x'))?.runs, 3);
  });

  promised('schedules: they survive all nodes; one run makes up for what was missed, in phase', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const first = await clocked.node('first');
    await first.serve(maker(made));
    await first.schedules.put('one', { every: 20 * SECOND, ...make });
    await first.schedules.put('none', { every: 20 * SECOND, catchUp: 'none', contract: reports, method: 'sweep' });
    await tickByTick(clocked, 20 * SECOND, 1, () => made.length / 2);
    await until('both', () => made.length === 2);
    await until('it to stand there', async () => (await first.schedules.list()).every(({ runs }) => runs === 1));
    await first.close();
    await clocked.clock.jump(10 * MINUTE + 14 * SECOND);
    const second = await clocked.node('second');
    await second.serve(maker(made));
    await until('the one run', () => made.length === 3);
    t.is(made[2]?.of, 'sales');
    t.is(((made[2]?.tick ?? 0) - (made[0]?.tick ?? 0)) % (20 * SECOND), 0);
    await clocked.clock.jump(20 * SECOND);
    await until('the next of both', () => made.length === 5);
    for (const of of ['sales', 'sweep']) {
      const ticks = ticksOf(made.filter((one) => one.of === of));
      t.true(
        gaps(ticks).every((gap) => gap % (20 * SECOND) === 0),
        JSON.stringify(gaps(ticks)),
      );
    }
    t.is((await second.schedules.get('none'))?.runs, 2);
    t.is((await second.schedules.get('one'))?.runs, 3);
  });

  promised('schedules: what happens once happens once; at stays done, a delay begins anew', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const [a, b] = (await clocked.nodes('a', 'b')) as [ActorNode, ActorNode];
    await a.serve(maker(made));
    const at = new Date(Math.round(a.now()) + 30 * SECOND);
    await a.schedules.put('at', { at, ...make });
    await b.schedules.put('delay', { delayMs: 30 * SECOND, contract: reports, method: 'sweep' });
    await clocked.clock.jump(31 * SECOND);
    await until('both', () => made.length === 2);
    t.deepEqual(ticksOf(made.filter(({ of }) => of === 'sales')), [at.getTime()]);
    await until('their end', async () => (await b.schedules.list()).every(({ nextAt }) => nextAt === undefined));
    t.deepEqual(
      (await b.schedules.list()).map(({ name, runs }) => [name, runs]),
      [['at', 1]],
    );
    t.is((await b.schedules.put('at', { at, ...make })).nextAt, undefined);
    t.true((await b.schedules.put('delay', { delayMs: SECOND, ...make })).nextAt !== undefined);
    await clocked.clock.jump(2 * SECOND);
    await until('the second delay', () => made.length === 3);
    t.is(await a.schedules.cancel('at'), false, 'it has ended');
    t.is((await a.schedules.list()).length, 0);
  });

  promised('schedules: cancelled is cancelled everywhere, and may be put again', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const [a, b] = (await clocked.nodes('a', 'b')) as [ActorNode, ActorNode];
    await a.serve(maker(made));
    await a.schedules.put('x', { every: 10 * SECOND, ...make });
    await tickByTick(clocked, 10 * SECOND, 2, () => made.length);
    await until('it to stand there', async () => (await b.schedules.get('x'))?.runs === 2);
    t.true(await b.schedules.cancel('x'));
    t.is(await a.schedules.cancel('x'), false);
    t.is(await a.schedules.get('x'), undefined);
    await clocked.pass(30 * SECOND);
    t.is(made.length, 2);
    const again = await a.schedules.put('x', { every: 5 * SECOND, startAt: made[0]?.tick ?? 0, ...make });
    t.is(again.runs, 0);
    await tickByTick(clocked, 5 * SECOND, 2, () => made.length);
    t.deepEqual(gaps(ticksOf(made.slice(2))), [5 * SECOND]);
  });

  promised('schedules: an end and a limit are the last', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const node = await clocked.node('a');
    await node.serve(maker(made));
    const now = Math.round(node.now());
    await node.schedules.put('until', { every: 10 * SECOND, endAt: now + 25 * SECOND, ...make });
    await node.schedules.put('limit', { every: 10 * SECOND, limit: 1, contract: reports, method: 'sweep' });
    await tickByTick(clocked, 10 * SECOND, 2, () => made.length);
    await clocked.pass(MINUTE, 10 * SECOND);
    await until('three', () => made.length === 3);
    const ended = await node.schedules.list();
    t.deepEqual(
      ended.map(({ name, nextAt, runs }) => [name, nextAt, runs]),
      [
        ['limit', undefined, 1],
        ['until', undefined, 2],
      ],
    );
    await node.schedules.put('limit', { every: 10 * SECOND, limit: 1, contract: reports, method: 'sweep' });
    await clocked.pass(20 * SECOND, 10 * SECOND);
    t.is(made.length, 3, 'who comes late does not begin it anew');
  });

  promised('schedules: while nobody serves the actor, one tick waits for it', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const node = await clocked.node('a');
    await node.schedules.put('x', { every: 10 * SECOND, ...make });
    for (const tick of numbers(5)) {
      await clocked.clock.jump(10 * SECOND);
      await until('the tick', async () => {
        const { runs = 0, skipped = 0 } = (await node.schedules.get('x')) ?? {};
        return runs + skipped === tick + 1;
      });
    }
    t.is((await node.depth(reports)).messages, 1);
    t.is((await node.schedules.get('x'))?.skipped, 4);
    await node.serve(maker(made));
    await until('the one that waited', () => made.length === 1);
    await until('it to be gone', async () => (await node.depth(reports)).messages === 0);
    await tickByTick(clocked, 10 * SECOND, 2, () => made.length);
    t.is(made.length, 3);
  });

  promised('schedules: with overlap skip a tick goes by while the last one runs', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const { opened, open } = gate();
    const began: number[] = [];
    const node = await clocked.node('a');
    await node.serve(
      actor(reports, {
        make: async (_input, { headers }) => {
          began.push(Number(headers['homeostat-tick']));
          await opened;
        },
        sweep: () => undefined,
      }),
    );
    await node.schedules.put('x', { every: 10 * SECOND, overlap: 'skip', ...make });
    await clocked.clock.jump(10 * SECOND);
    await until('the first', () => began.length === 1);
    await clocked.clock.jump(10 * SECOND);
    await until('the second to go by', async () => (await node.schedules.get('x'))?.skipped === 1);
    open();
    await until('the first to end', async () => (await node.depth(reports)).messages === 0);
    await clocked.clock.jump(10 * SECOND);
    await until('the third', () => began.length === 2);
    t.deepEqual(gaps(began), [20 * SECOND]);
  });

  promised('schedules: a tick that finds the mailbox full is late, not lost', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const { opened, open } = gate();
    const made: string[] = [];
    const node = await clocked.node('a');
    await node.serve(
      actor(
        reports,
        {
          make: async ({ of }) => {
            await opened;
            made.push(of);
          },
          sweep: () => undefined,
        },
        { maxLength: 1, concurrency: 1 },
      ),
    );
    await node.client(reports).make.cast({ of: 'in the way' });
    await node.schedules.put('x', { delayMs: 10 * SECOND, ...make });
    await clocked.pass(20 * SECOND, SECOND);
    t.deepEqual(made, []);
    t.is((await node.schedules.get('x'))?.runs, 0);
    open();
    await until('there to be room', () => made.length === 1);
    await clocked.pass(10 * SECOND, SECOND);
    await until('the late one', () => made.length === 2);
    t.deepEqual(made, ['in the way', 'sales']);
  });

  promised('schedules: records that are none are left alone, and the others go on', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const made: Made[] = [];
    const node = await clocked.node('a');
    await node.serve(maker(made));
    const hand = await stage.link();
    const good = { id: 'i', from: 1, when: { every: 1_000 }, catchUp: 'one', overlap: 'allow', method: 'make' };
    const mailbox = 'reports@1';
    for (const [name, body] of Object.entries({
      text: 'text',
      empty: {},
      '{braces}': { ...good, mailbox },
      lane: { ...good, mailbox: 'reports}{x@1' },
      never: { ...good, mailbox, when: { cron: 'never', timeZone: 'UTC' } },
      nowhere: { ...good, mailbox, when: { cron: '* * * * *', timeZone: 'Mars/Phobos' } },
      often: { ...good, mailbox, when: { every: 1 } },
      producer: { ...good, mailbox, id: '{}' },
      bytes: { ...good, mailbox, input: Buffer.from([0xc1, 0xc1]).toString('base64') },
    }))
      await hand.records.change({ family: 'schedule', name, body, by: 'hand' });
    await hand.records.change({ family: 'schedule-progress', name: 'x', body: { at: 'soon' }, by: 'hand' });
    await node.schedules.put('good', { every: SECOND, ...make });
    await tickByTick(clocked, SECOND, 2, () => made.length);
    t.deepEqual((await node.schedules.list()).map(({ name }) => name).toSorted(), ['bytes', 'good']);
    t.true(await node.schedules.cancel('bytes'));
  });

  promised('schedules: what cannot be is refused, and named', async (t, stage) => {
    const node = await stage.node('a');
    const put = (name: string, spec: object): Promise<unknown> => node.schedules.put(name, spec as never);
    const says = async (spec: object, words: string, name = 'x'): Promise<void> => {
      const { message } = await refusal(() => put(name, { ...make, ...spec }));
      t.true(message.includes(words), message);
    };
    await says({ every: 99 }, 'schedules.put x.every');
    await says({ every: 1_000, cron: '* * * * *' }, 'exactly one of');
    await says({}, 'exactly one of');
    await says({ cron: '61 * * * *' }, 'x.cron');
    await says({ cron: '2026-01-01T00:00:00' }, 'x.cron');
    await says({ cron: '0 0 * * *', timeZone: 'Mars/Phobos' }, 'Mars');
    await says({ cron: '0 0 31 2 *' }, 'no tick, ever');
    await says({ every: 1_000, endAt: 5 }, 'no tick, ever');
    await says({ every: 1_000, timeZone: 'UTC' }, 'timeZone');
    await says({ at: new Date(Number.NaN) }, '.at');
    await says({ every: 1_000, limit: 0 }, 'limit');
    await says({ every: 1_000, unknown: 1 }, 'unknown');
    await says({ every: 1_000 }, 'name', 'a b');
    await says({ every: 1_000 }, 'taken', 'tick.x');
    await says({ every: 1_000, method: 'burn' }, 'not in the contract');
    await says({ every: 1_000, contract: streamed, method: 'rows', input: undefined }, 'nobody would read');
    await says({ every: 1_000, input: { of: 'x'.repeat(20_000) } }, 'more than 16384');
    t.is((await refusal(() => put('x', { ...make, every: 1_000, input: { of: 1 } }))).code, 'VALIDATION');
    t.is((await refusal(() => node.every(1_000, () => undefined, { singleton: true }))).code, 'CONFIG');
    t.is((await refusal(() => node.every(1, () => undefined))).code, 'CONFIG');
    t.is((await refusal(() => node.cron('x', () => undefined))).code, 'CONFIG');
    for (const shared of [{ name: 'sweep' }, { catchUp: 'none' }] as const) {
      const { code, message } = await refusal(() => node.every(1_000, () => undefined, shared));
      t.deepEqual([code, message], ['CONFIG', `every.${Object.keys(shared)[0]}: goes with singleton only`]);
    }
    const kept = contract('kept', { state: z.number(), methods: { count: {} } });
    t.is((await refusal(() => put('x', { every: 1_000, contract: kept, method: 'count' }))).code, 'KEY_REQUIRED');
    t.deepEqual(await node.schedules.list(), []);
  });

  promised('schedules: without singleton every node runs its own, one at a time, whatever fails', async (t, stage) => {
    const clocked = new ClockStage(stage);
    const [a, b] = (await clocked.nodes('a', 'b')) as [ActorNode, ActorNode];
    const ran: string[] = [];
    const { opened, open } = gate();
    let slow = 0;
    await a.every(MINUTE, () => void ran.push('a'));
    const ticking = await b.every(MINUTE, () => {
      ran.push('b');
      throw new Error('fails');
    });
    await b.cron('* * * * *', async () => {
      slow += 1;
      await opened;
    });
    await clocked.pass(3 * MINUTE + 30 * SECOND, 15 * SECOND);
    t.is(ran.filter((name) => name === 'a').length, 3);
    t.is(ran.filter((name) => name === 'b').length, 3);
    t.is(slow, 1);
    open();
    await ticking.close();
    await clocked.pass(2 * MINUTE, 15 * SECOND);
    t.is(ran.filter((name) => name === 'b').length, 3);
    t.is(ran.filter((name) => name === 'a').length, 5);
    t.true(slow > 1);
    t.deepEqual(await a.schedules.list(), []);
  });

  promised(
    'schedules: a singleton whose nodes have gone waits for the next, and its end is for all',
    async (t, stage) => {
      const clocked = new ClockStage(stage);
      const ran: string[] = [];
      const [a, b] = (await clocked.nodes('a', 'b')) as [ActorNode, ActorNode];
      const begin = (node: ActorNode): Promise<AsyncDisposable & { close(): Promise<void> }> =>
        node.cron('* * * * *', () => void ran.push(node.name), { singleton: true, name: 'beat' });
      const onA = await begin(a);
      await tickByTick(clocked, MINUTE, 2, () => ran.length);
      await onA.close();
      await clocked.pass(5 * MINUTE, MINUTE);
      t.deepEqual(ran, ['a', 'a']);
      await begin(b);
      await until('what waited', () => ran.length === 3);
      await tickByTick(clocked, MINUTE, 2, () => ran.length);
      t.deepEqual(new Set(ran.slice(2)), new Set(['b']));
      t.true(await a.schedules.cancel('tick.beat'));
      await until('b to know', async () => (await b.schedules.list()).length === 0);
      await settled(a, 'tick.beat@1');
      const before = ran.length;
      await clocked.pass(5 * MINUTE, MINUTE);
      t.is(ran.length, before);
    },
  );
}

/** A backend on which how far schedules have come cannot be written. */
function withoutProgress(inner: Backend): Backend {
  return altered(inner, ({ records }) => ({
    records: {
      all: (family) => records.all(family),
      history: (family, limit) => records.history(family, limit),
      change: (change) =>
        change.family === 'schedule-progress'
          ? Promise.reject(new TransportError('it is mute', { outcome: 'not-executed' }))
          : records.change(change),
    },
  }));
}

/** A backend that refuses the first tick, as if the node were no member. */
function refusingOnce(inner: Backend): Backend {
  let refused = false;
  return altered(inner, ({ broker }) => ({
    broker: new Proxy(broker, {
      get: (_, name: keyof Broker) => {
        const append: Broker['append'] = (request) => {
          if (request.producer === undefined || refused) return broker.append(request);
          refused = true;
          return Promise.resolve({ kind: 'not-member' });
        };
        return name === 'append' ? append : broker[name].bind(broker);
      },
    }),
  }));
}
