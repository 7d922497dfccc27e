import test from 'ava';
import fc from 'fast-check';
import { broken, caller, fine, House, policyOf, settle, type Link } from './house.ts';

const POLICY = policyOf({ openMs: 2_000, rampMs: 1_000, failureThreshold: 3 });

type Step =
  | { readonly kind: 'calls'; readonly node: number; readonly outcomes: readonly boolean[] }
  | { readonly kind: 'link'; readonly node: number; readonly link: Link }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'flush' };

const node = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('calls' as const),
      node,
      outcomes: fc.array(fc.boolean(), { maxLength: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('link' as const),
      node,
      link: fc.constantFrom<Link>('up', 'away', 'paused'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'flush' as const }) },
);

test('whatever the backend did, all nodes agree soon after it is back, and calls pass again (RELIABILITY 61–63)', async (t) => {
  const histories = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    const house = new House();
    const nodes = [house.node('a'), house.node('b'), house.node('c')];
    const calls: Promise<unknown>[] = [];
    for (const one of steps) {
      if (one.kind === 'time') await house.clock.advance(one.ms);
      else if (one.kind === 'flush') {
        // No backend loses and begins anew within a millisecond.
        await house.clock.advance(1);
        house.flushAll();
        await house.clock.advance(1);
      } else if (one.kind === 'link' && one.link === 'up') nodes[one.node]!.up();
      else if (one.kind === 'link') nodes[one.node]!.link = one.link;
      else
        for (const good of one.outcomes)
          calls.push(caller(nodes[one.node]!, house.clock, POLICY)(good ? fine : broken));
      await settle(house.clock);
    }
    for (const one of nodes) one.up();
    await house.clock.advance(3_000);
    await Promise.all(nodes.map((one) => one.breaking.resync()));
    await house.clock.advance(1_500);
    await Promise.all(calls);
    const phases = nodes.map((one) => one.breaking.of('users.get', POLICY).state.phase);
    if (new Set(phases).size !== 1 || nodes.some((one) => one.breaking.stats.alone)) return false;
    // Longest opening there can be after so few steps, then probes and ramp.
    await house.clock.advance(POLICY.maxOpenMs);
    for (let index = 0; index < 2; index += 1) {
      await caller(nodes[0]!, house.clock, POLICY)(fine);
      await house.clock.advance(1_100);
    }
    await house.clock.advance(3_000);
    const results = await Promise.all(nodes.map((one) => caller(one, house.clock, POLICY)(fine)));
    return results.every((result) => result === 'fine');
  });
  await t.notThrowsAsync(() => fc.assert(histories, { numRuns: 150 }));
});
