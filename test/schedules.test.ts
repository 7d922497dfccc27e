/** Ticks while the processes that make them die, and when Redis has forgotten everything. */
import test from 'ava';
import { actor, contract } from 'homeostat';
import { waitFor } from 'homeostat/testing';
import { end, Servers } from './support/servers.ts';

const EVERY_MS = 200;
const reports = contract('reports', { methods: { make: {} } });

interface Made {
  readonly tick: number;
  /** Id of the node that put it in. */
  readonly by: string;
}

const until = (what: string, condition: () => boolean): Promise<unknown> =>
  waitFor(condition, { withinMs: 15_000, what });

test.serial('the process that makes the ticks is killed: they go on, in phase, none comes twice', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const node = await servers.node('watcher');
  const children = await Promise.all(['one', 'two'].map((name) => servers.start(name)));
  const made = new Map<string, Made[]>();
  await node.serve(
    actor(reports, {
      make: (_input, { headers, caller: by }) => {
        const name = headers['homeostat-schedule'] ?? '';
        made.set(name, [...(made.get(name) ?? []), { tick: Number(headers['homeostat-tick']), by }]);
      },
    }),
  );
  // Whose turn it is differs from name to name: of so many each process has some.
  const names = Array.from({ length: 12 }, (_, index) => `s${index}`);
  for (const name of names) await node.schedules.put(name, { every: EVERY_MS, contract: reports, method: 'make' });
  const ticks = (name: string): readonly Made[] => made.get(name) ?? [];
  await until('all to tick', () => names.every((name) => ticks(name).length >= 3));
  const [victim] = children;
  const orphaned = names.filter((name) => ticks(name).at(-1)?.by === victim?.id);
  t.true(orphaned.length > 0, 'it makes the ticks of some');
  const before = new Map(names.map((name) => [name, ticks(name).length]));
  await end(victim!.child, 'SIGKILL');
  const killedAt = performance.now();
  await until('all to go on', () => names.every((name) => ticks(name).length >= (before.get(name) ?? 0) + 10));
  t.log(`10 ticks more of each after ${Math.round(performance.now() - killedAt)} ms`);
  for (const name of names) {
    const moments = ticks(name).map(({ tick }) => tick);
    t.is(new Set(moments).size, moments.length, `${name}: none twice`);
    const gaps = moments.toSorted((a, b) => a - b).flatMap((tick, i, all) => (i === 0 ? [] : tick - (all[i - 1] ?? 0)));
    t.true(
      gaps.every((gap) => gap % EVERY_MS === 0),
      `${name}: ${gaps.join()}`,
    );
    // The others wait for their turn a little, not for its death to be noticed.
    t.true(Math.max(...gaps) <= 5 * EVERY_MS, `${name}: ${gaps.join()}`);
  }
  t.true(orphaned.every((name) => ticks(name).at(-1)?.by !== victim?.id));
});

test.serial('a function that runs once for all nodes is there again after FLUSHALL', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const nodes = await Promise.all(['a', 'b'].map((name) => servers.node(name)));
  const ran: number[] = [];
  for (const node of nodes) await node.every(EVERY_MS, ({ at }) => ran.push(at), { singleton: true, name: 'sweep' });
  await until('it to run', () => ran.length >= 3);
  await servers.redis.command('FLUSHALL');
  const before = ran.length;
  await until('it to run again', () => ran.length >= before + 5);
  t.is(new Set(ran).size, ran.length);
});

test.serial('schedules outlive all nodes and Redis itself, where it keeps its data', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const first = await servers.node('first');
  await first.schedules.put('x', { every: EVERY_MS, contract: reports, method: 'make' });
  const begun = (await first.schedules.get('x'))?.nextAt ?? 0;
  await first.close();
  await servers.redis.kill();
  await servers.redis.restart();
  const second = await servers.node('second');
  const ticks: number[] = [];
  await second.serve(
    actor(reports, { make: (_input, { headers }) => void ticks.push(Number(headers['homeostat-tick'])) }),
  );
  await until('it to go on', () => ticks.length >= 3);
  await servers.redis.kill();
  await new Promise((resolve) => setTimeout(resolve, 3 * EVERY_MS));
  await servers.redis.restart();
  const before = ticks.length;
  await until('it to go on again', () => ticks.length >= before + 3);
  t.true(ticks.every((tick) => (tick - begun) % EVERY_MS === 0));
  t.is(new Set(ticks).size, ticks.length);
});

test.serial('a function that was cancelled stays so when a node that has it joins again', async (t) => {
  const servers = await Servers.open();
  t.teardown(() => servers.close());
  const node = await servers.node('a');
  let ran = 0;
  for (const name of ['sweep', 'kept']) await node.every(EVERY_MS, () => void (ran += 1), { singleton: true, name });
  await until('them to run', () => ran >= 2);
  t.true(await node.schedules.cancel('tick.sweep'));
  // As if Redis had lost the one that nobody has cancelled.
  await servers.redis.command('HDEL', '{house:0}:records:schedule', 'tick.kept');
  const before = node.id;
  await servers.redis.command('HDEL', '{house:0}:members', before);
  await until('it to have joined again', () => node.id !== before);
  const names = async (): Promise<string[]> => (await node.schedules.list()).map(({ name }) => name);
  await waitFor(async () => (await names()).includes('tick.kept'), {
    withinMs: 15_000,
    what: 'the other to be put again',
  });
  t.deepEqual(await names(), ['tick.kept']);
});
