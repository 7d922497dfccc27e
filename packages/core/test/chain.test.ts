import test from 'ava';
import fc from 'fast-check';
import { Chain, type Chained } from '../src/serving/chain.ts';

class Link implements Chained {
  before: Chained | undefined = undefined;
  after: Chained | undefined = undefined;
}

test('a chain holds what was added and not removed, whatever the order', (t) => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 60 });
  t.notThrows(() =>
    fc.assert(
      fc.property(steps, (all) => {
        const links = Array.from({ length: 10 }, () => new Link());
        const chain = new Chain<Link>();
        const expected = new Set<Link>();
        for (const [adds, index] of all) {
          const link = links[index] as Link;
          if (!adds) {
            chain.remove(link);
            expected.delete(link);
          } else if (!expected.has(link)) {
            chain.add(link);
            expected.add(link);
          }
          if (new Set(chain).size !== expected.size || [...chain].some((held) => !expected.has(held))) return false;
        }
        return true;
      }),
    ),
  );
});

test('a walk over a chain sees what was in it when it began, though the links leave meanwhile', (t) => {
  const chain = new Chain<Link>();
  const links = [new Link(), new Link(), new Link()];
  for (const link of links) chain.add(link);
  const seen: Link[] = [];
  for (const link of chain) {
    seen.push(link);
    for (const gone of links) chain.remove(gone);
  }
  t.deepEqual(new Set(seen), new Set(links));
  t.deepEqual([...chain], []);
});
