import { groupBy, type Story } from './story.ts';

/** State shows every request that was accepted for its key once, in the order in which each process sent them. */
export function appliedOnce(story: Story): string[] {
  const faults: string[] = [];
  const dead = new Set(story.all('dead').map(({ op }) => op));
  const accepted = new Set([...story.all('accepted'), ...story.all('answered')].map(({ op }) => op));
  const sent = story.all('sent');
  for (const { key, applied } of story.all('state')) {
    const places = groupBy(
      applied.map((op, place) => ({ op, place })),
      ({ op }) => op,
    );
    const toKey = sent.filter((one) => one.key === key);
    for (const [op, all] of places) if (all.length > 1) faults.push(`${op} was applied ${all.length} times to ${key}`);
    for (const { op } of toKey)
      if (accepted.has(op) && !places.has(op) && !dead.has(op))
        faults.push(`${op} was accepted and never applied to ${key}`);
    for (const [, line] of groupBy(toKey, ({ by, turn }) => (turn === undefined ? undefined : by))) {
      const order = line.sort((a, b) => a.turn! - b.turn!).flatMap(({ op }) => places.get(op)?.[0] ?? []);
      order.forEach(({ op, place }, index) => {
        if (index > 0 && order[index - 1]!.place > place)
          faults.push(`${op} was applied to ${key} before ${order[index - 1]!.op}`);
      });
    }
  }
  return faults;
}
