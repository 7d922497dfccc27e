import { groupBy, type Run, type Story } from './story.ts';

/** What one process sends to one key runs in that order: nothing starts before all that was sent before it is done. */
export function keyOrder(story: Story): string[] {
  const dead = new Set(story.all('dead').map(({ op }) => op));
  const runs = groupBy(story.runs, ({ op }) => op);
  // What ends after its node was lost has been done by somebody else, or was not wanted any more.
  const counts = ({ how, endedAt, member }: Run): boolean => how === 'done' && endedAt < story.goneAt(member);
  const doneAt = (op: string): number =>
    Math.min(...(runs.get(op) ?? []).flatMap((run) => (counts(run) ? [run.endedAt] : [])));
  const faults: string[] = [];
  const lines = groupBy(story.all('sent'), ({ by, key, turn }) => (turn === undefined ? undefined : `${by} ${key}`));
  for (const line of lines.values()) {
    /** The last of those before that is done, and when. */
    let last = { op: '', at: -1 };
    for (const { op } of line.sort((a, b) => a.turn! - b.turn!)) {
      const first = runs.get(op)?.[0];
      if (first !== undefined && first.startedAt < last.at)
        faults.push(
          `${op} started as run ${first.run} before ${last.op}, which was sent before it to ${first.key}, was done`,
        );
      const at = doneAt(op);
      if (at !== Infinity && !dead.has(op) && at > last.at) last = { op, at };
    }
  }
  return faults;
}
