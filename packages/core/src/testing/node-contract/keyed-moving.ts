import { actor, type Actor } from '../../contract/actor.ts';
import { TransportError } from '../../ground/errors.ts';
import { sleep } from '../../ground/loop.ts';
import { shareOf } from '../../keyed/ownership.ts';
import { partitionOf } from '../../keyed/partition-of.ts';
import { altered, changed } from '../altered.ts';
import { BLIND_BEAT, evict, LATE_BEAT } from './evicting.ts';
import { tally, Witness } from './keyed-witness.ts';
import { waitFor } from '../wait-for.ts';
import { DEADLINE_MS, gate, numbers, QUICK_BEAT, rejection, until, type Promised } from './stage.ts';

/** Each number once, in order, whatever was done again in between. */
function inOrder(done: readonly number[] | undefined): number[] {
  const seen: number[] = [];
  for (const n of done ?? []) if (!seen.includes(n)) seen.push(n);
  return seen;
}

export function keyedMoving(promised: Promised): void {
  promised('partitions follow the nodes that come and go, and no key is overtaken or run twice', async (t, stage) => {
    const witness = new Witness();
    const served = witness.actor(8, () => sleep(1));
    await stage.serving(served, 'first');
    const api = (await stage.node('caller')).client(tally, { timeoutMs: 20_000 });
    const keys = numbers(16).map((key) => `key-${key}`);
    let sent = 0;
    let going = true;
    const sending = (async () => {
      for (; going; sent += 1) {
        await Promise.all(keys.map((key) => api.add.cast(sent, { key })));
        await sleep(2);
      }
    })();
    const second = await stage.serving(served, 'second');
    await sleep(100);
    const third = await stage.serving(served, 'third');
    await sleep(100);
    await second.unserve(tally);
    await sleep(50);
    await third.close();
    await second.serve(served);
    await sleep(50);
    going = false;
    await sending;
    await until('everything to be handled', () => witness.total >= sent * keys.length);
    for (const key of keys) t.deepEqual(witness.done.get(key), numbers(sent), key);
    t.deepEqual(witness.overlaps, []);
  });

  promised(
    'a node that is taking partitions when it shall serve the actor no more keeps none of them',
    async (t, stage) => {
      const witness = new Witness();
      const { opened, open } = gate();
      let taken = 0;
      const backend = altered(stage.backend(), ({ partitions }) => ({
        partitions: changed(partitions, {
          take: async (mailbox, number) => {
            const answer = await partitions.take(mailbox, number);
            taken += 1;
            await opened;
            return answer;
          },
        }),
      }));
      const hasty = await stage.serving(witness.actor(4), 'hasty', { backend });
      await until('it to have taken all, and not to know', () => taken === 4);
      const left = hasty.unserve(tally);
      await until('the others to know', () => hasty.registry.instances('tally').length === 0);
      open();
      await left;
      const heir = await stage.serving(witness.actor(4), 'heir');
      const api = heir.client(tally, { timeoutMs: 20_000 });
      t.deepEqual(await Promise.all(numbers(16).map((n) => api.ask(n, { key: `k${n}` }))), numbers(16));
      t.true((await hasty.link()).member);
    },
  );

  promised('what has not started of a partition that changes hands runs at its next owner', async (t, stage) => {
    const gates = new Map([1, 2].map((n) => [n, gate()]));
    const [here, there]: [number[], number[]] = [[], []];
    const running = (ran: number[], witness = new Witness()): Actor<typeof tally.methods> =>
      witness.actor(
        16,
        async (n) => {
          ran.push(n);
          if (ran === here) await gates.get(n)?.opened;
        },
        { concurrency: 2 },
      );
    const witness = new Witness();
    const first = await stage.serving(running(here, witness), 'first');
    const second = await stage.node('second');
    const [moving, other] = shareOf('tally@1', 16, second.id, [first.id, second.id]);
    const keysOf = (partition = 0): string[] =>
      numbers(1_000)
        .map((n) => `k${n}`)
        .filter((key) => partitionOf(key, 16) === partition)
        .slice(0, 20);
    const api = (await stage.node('caller')).client(tally, { timeoutMs: 20_000 });
    // The first may travel alone; of the frame with the others two run.
    await Promise.all(keysOf(moving).map((key, n) => api.add.cast(n, { key })));
    await until('two to run', () => here.length === 3);
    await second.serve(running(there));
    // Where it is asked for, the other one has moved, and this one is about to.
    const [key = ''] = keysOf(other);
    t.is(await api.ask(100, { key }), 100);
    gates.get(2)?.open();
    await until('one to be done', () => witness.total >= 2);
    gates.get(1)?.open();
    await until('all to be done', async () => (await first.depth(tally)).messages === 0);
    t.deepEqual(here, [0, 1, 2]);
    t.deepEqual(
      there.filter((n) => n < 100).toSorted((one, other) => one - other),
      numbers(17).map((n) => n + 3),
    );
  });

  promised('a handler that calls another key of a partition that changes hands is answered', async (t, stage) => {
    const { opened, open } = gate();
    let running = 0;
    let neighbour = '';
    const asking = (): Actor<typeof tally.methods> =>
      actor(
        tally,
        {
          add: () => {},
          ask: async (n, ctx) => {
            if (n !== 0) return n;
            running += 1;
            await opened;
            return await ctx.client(tally).ask(1, { key: neighbour });
          },
        },
        { keyed: { partitions: 16 } },
      );
    const first = await stage.serving(asking(), 'first');
    const second = await stage.node('second');
    const moving = shareOf('tally@1', 16, second.id, [first.id, second.id]);
    const [key = '', other = ''] = numbers(1_000)
      .map((n) => `k${n}`)
      .filter((one) => partitionOf(one, 16) === moving[0]);
    neighbour = other;
    const api = (await stage.node('caller')).client(tally, { timeoutMs: 20_000, retry: false });
    const answer = api.ask(0, { key });
    await until('it to run', () => running === 1);
    await second.serve(asking());
    const { partitions } = await stage.link();
    const hasMoved = async (number = 0): Promise<boolean> => (await partitions.owners('tally@1'))[number] === second.id;
    await until('another partition to have moved', () => hasMoved(moving[1]));
    open();
    t.is(await answer, 1);
    t.is(running, 1);
    await until('this one to have moved', () => hasMoved(moving[0]));
  });

  promised('an answer that is refused for good does not keep a partition from its next owner', async (t, stage) => {
    const backend = altered(stage.backend(), ({ broker }) => ({
      broker: changed(broker, {
        reply: async () => {
          throw new TransportError('not to this inbox', { retryable: false, outcome: 'not-executed' });
        },
      }),
    }));
    const witness = new Witness();
    const first = await stage.serving(witness.actor(16), 'first', { backend });
    const second = await stage.node('second');
    const [moving] = shareOf('tally@1', 16, second.id, [first.id, second.id]);
    const key = numbers(1_000)
      .map((n) => `k${n}`)
      .find((one) => partitionOf(one, 16) === moving)!;
    const api = (await stage.node('caller')).client(tally, { retry: false });
    t.is((await rejection(api.ask(1, { key, timeoutMs: 300 }))).code, 'CALL_TIMEOUT');
    await second.serve(witness.actor(16));
    t.is(await api.ask(2, { key, timeoutMs: 10_000 }), 2);
  });

  promised('what a dead node owned moves to others, and no key is overtaken', async (t, stage) => {
    const witness = new Witness();
    const served = witness.actor(8, () => sleep(1));
    const { node: doomed, die } = await stage.mortal('doomed');
    await doomed.serve(served);
    const other = await stage.serving(served, 'other', { beat: QUICK_BEAT });
    const api = (await stage.node('caller', { beat: QUICK_BEAT })).client(tally, { timeoutMs: 20_000 });
    const keys = numbers(16).map((key) => `key-${key}`);
    for (const n of numbers(20)) await Promise.all(keys.map((key) => api.add.cast(n, { key })));
    await die();
    for (const n of numbers(20)) await Promise.all(keys.map((key) => api.add.cast(n + 20, { key })));
    await until('everything to be handled', async () => (await other.depth(tally)).messages === 0);
    for (const key of keys) t.deepEqual(inOrder(witness.done.get(key)), numbers(40), key);
  });

  promised(
    'an evicted node lets go of its partitions, and takes its share again under its new id',
    async (t, stage) => {
      const witness = new Witness();
      const served = witness.actor(4);
      const server = await stage.serving(served, 'server', { beat: LATE_BEAT });
      const api = (await stage.node('caller', { beat: BLIND_BEAT })).client(tally, { timeoutMs: 20_000 });
      t.deepEqual(await Promise.all(numbers(50).map((n) => api.ask(n, { key: `k${n % 5}` }))), numbers(50));
      await evict(stage, server);
      t.deepEqual(await Promise.all(numbers(50).map((n) => api.ask(n, { key: `k${n % 5}` }))), numbers(50));
      await until('nothing to be left over', async () => (await server.depth(tally)).messages === 0);
    },
  );

  promised(
    'a handler that outlives the eviction of its node starts nothing of what it held, and keeps its key',
    async (t, stage) => {
      const { opened, open } = gate();
      const runs: number[] = [];
      const witness = new Witness();
      const server = await stage.serving(
        witness.actor(1, async (n) => {
          runs.push(n);
          // Deaf to its signal, the first time.
          if (n === 0 && runs.length === 1) await opened;
        }),
        'server',
        { beat: LATE_BEAT },
      );
      const api = (await stage.node('caller', { beat: BLIND_BEAT })).client(tally, { timeoutMs: 20_000 });
      for (const n of numbers(10)) await api.add.cast(n, { key: 'k' });
      await until('the first to run', () => runs.length === 1);
      await evict(stage, server);
      t.is(await api.ask(11, { key: 'other' }), 11);
      t.deepEqual(runs, [0, 11]);
      open();
      await until('all to be done under the new id', async () => (await server.depth(tally)).messages === 0);
      t.is(await api.ask(10, { key: 'k' }), 10);
      t.deepEqual(runs, [0, 11, ...numbers(11)]);
      t.deepEqual(witness.overlaps, []);
    },
  );

  promised(
    'a message that kills its node is found out, and what stands beside and behind it is not charged',
    async (t, stage) => {
      const witness = new Witness();
      const deaths: (() => Promise<void>)[] = [];
      let killed = 0;
      const api = (await stage.node('caller', { beat: QUICK_BEAT })).client(tally, { timeoutMs: 30_000 });
      for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
        const { node, die } = await stage.mortal(name);
        deaths.push(die);
        let alive = true;
        await node.serve(
          witness.actor(1, (n, key) => {
            if (key !== 'poison' || n !== 1) return alive ? undefined : new Promise<void>(() => {});
            if (alive) killed += 1;
            alive = false;
            void die();
            return new Promise<void>(() => {});
          }),
        );
        if (name !== 'one') continue;
        // In one entry, and in those behind it.
        await Promise.all(numbers(3).flatMap((n) => ['poison', 'beside'].map((key) => api.add.cast(n, { key }))));
        for (const n of numbers(3)) await api.add.cast(n + 3, { key: 'beside' });
      }
      const observer = await stage.node('observer', { beat: QUICK_BEAT });
      // Five nodes die, one after the other.
      await waitFor(async () => (await observer.depth(tally)).dead === 1, {
        withinMs: 3 * DEADLINE_MS,
        what: 'the poison to be a dead letter',
      });
      await until('all else to be handled', async () => (await observer.depth(tally)).messages === 0);
      const [letter] = await observer.deadLetters(tally).list();
      t.is(letter?.reason, 'NODE_DIED');
      t.is(letter?.key, 'poison');
      // One death without a mark, then as many as it has deliveries.
      t.is(killed, 5);
      t.deepEqual(inOrder(witness.done.get('poison')), [0, 2]);
      t.deepEqual(inOrder(witness.done.get('beside')), numbers(6));
    },
  );

  promised('a node that closes in the middle of keyed work loses nothing of it', async (t, stage) => {
    const witness = new Witness();
    const served = witness.actor(4, () => sleep(3));
    const first = await stage.serving(served, 'first');
    const api = (await stage.node('caller')).client(tally, { timeoutMs: 20_000 });
    await Promise.all(numbers(100).map((n) => api.add.cast(n, { key: `k${n % 4}` })));
    await until('it to be under way', () => witness.total > 5);
    await stage.serving(served, 'second');
    await first.close();
    await until('everything to be handled', () => witness.total >= 100);
    for (const key of numbers(4)) {
      const expected = numbers(25).map((n) => 4 * n + key);
      t.deepEqual(witness.done.get(`k${key}`), expected);
    }
    t.deepEqual(witness.overlaps, []);
  });
}
