import { groupBy, type Story } from './story.ts';

/** A call ends once, and an answer is what a run of this very call has come to. */
export function answers(story: Story): string[] {
  const runs = new Map(story.runs.map((run) => [run.run, run]));
  const same = new Map(story.all('sent').map(({ op, once }) => [op, once ?? op]));
  const faults: string[] = [];
  story.history.forEach((one, index) => {
    if (one.type !== 'answered') return;
    const run = runs.get(one.run);
    if (same.get(one.byOp) !== same.get(one.op)) faults.push(`${one.op} got the answer to ${one.byOp}`);
    else if (run === undefined || run.how !== 'done' || run.endedAt > index)
      faults.push(`${one.op} was answered by run ${one.run}, which had not ended well`);
  });
  const ends = story.history.filter(({ type }) => type === 'answered' || type === 'refused' || type === 'accepted');
  for (const [op, all] of groupBy(ends, (one) => ('op' in one ? one.op : undefined)))
    if (all.length > 1) faults.push(`${op} ended ${all.length} times: ${all.map(({ type }) => type).join(', ')}`);
  return faults;
}
