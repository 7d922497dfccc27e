/** Whatever happens to subscribers, nodes and the store: every open alert is told, and told once. */
import test from 'ava';
import type { AlertSubscription } from '../../src/alerts/subscriber.ts';
import { houseOf, type HouseNode } from './delivery-house.ts';

const SECOND = 1_000;
const ROUNDS = 12;
const STEPS = 60;

/** Mulberry32, by T. Ettinger: a small generator that a seed repeats. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

for (const human of [false, true]) {
  test(`every notice of an open alert is delivered once${human ? ', alone or in a digest' : ''}`, async (t) => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
    t.log(`SEED=${seed}`);
    const random = randomOf(seed);
    const below = (bound: number): number => Math.floor(random() * bound);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { house, a, b, c } = await houseOf(t, 'a', 'b', 'c');
      house.policy = { ...house.policy, flood: 3, floodWindowMs: 20 * SECOND };
      const nodes: readonly HouseNode[] = [a, b, c];
      /** Alert → notices that handlers have taken, as often as they have, and where. */
      const taken = new Map<string, { readonly n: number; readonly node: HouseNode }[]>();
      const open = new Set<string>();
      const living = new Set(nodes);
      let failing = 0.3;
      const subscriptions = new Map<HouseNode, AlertSubscription>();
      const subscribe = (node: HouseNode): void => {
        const subscription = node.delivery.subscribe(
          {},
          async (alert, { notice, digest, signal }) => {
            const fate = random();
            if (fate < failing / 2) throw new Error('no');
            if (fate < failing) await new Promise((_resolve, reject) => signal.addEventListener('abort', reject));
            // What a digest stands for has to be looked up: it names alerts, three of each group.
            const kinds = digest?.groups.map(({ kind }) => kind) ?? [alert.kind];
            for (const kind of kinds) {
              const n = kind === alert.kind ? notice.n : (node.view.get(kind)?.record.noticed ?? 0);
              taken.set(kind, [...(taken.get(kind) ?? []), { n, node }]);
            }
          },
          { name: 'ops', concurrency: 1 + below(3), timeoutMs: 3 * SECOND, human },
        );
        subscriptions.set(node, subscription);
      };
      for (const node of nodes) subscribe(node);
      for (let step = 0; step < STEPS; step += 1) {
        const node = nodes[below(3)]!;
        const subscription = subscriptions.get(node);
        const kind = `kind-${below(8)}`;
        const act = below(9);
        if (living.size === 3 && random() < 0.02 && living.delete(node)) await node.kill();
        if (!living.has(node)) continue;
        if (act < 3 && !open.has(kind)) {
          open.add(kind);
          taken.delete(kind);
          await house.raise(random() < 0.2 ? 'critical' : 'high', kind);
        } else if (act === 3 && open.has(kind)) await house.escalate(kind);
        else if (act === 4 && open.delete(kind)) {
          await house.resolve(kind);
          await house.archive(kind);
        } else if (act === 5) node.away = node.away === false && (random() < 0.5 || 'mute');
        else if (act === 6) subscription?.pause();
        else if (act === 7) subscription?.resume();
        else if (subscription === undefined) subscribe(node);
        else {
          subscriptions.delete(node);
          void subscription.close();
        }
        if (random() < 0.5) await house.advance(below(5) * SECOND);
      }
      failing = 0;
      for (const node of living) {
        node.away = false;
        subscriptions.get(node)?.resume();
        if (!subscriptions.has(node)) subscribe(node);
      }
      await house.advance(200 * SECOND);
      for (const kind of open) {
        const all = taken.get(kind) ?? [];
        const [survivor] = living;
        const last = survivor?.view.get(kind)?.record.noticed;
        t.true(
          all.some(({ n }) => n === last),
          `round ${round}: ${kind} was not told of its last notice`,
        );
        // Whoever dies may have done it and not have said so.
        const numbers = all.filter(({ node }) => living.has(node)).map(({ n }) => n);
        t.is(new Set(numbers).size, numbers.length, `round ${round}: ${kind} was told twice: ${numbers.join(' ')}`);
      }
    }
  });
}
