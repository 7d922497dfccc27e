import { groupBy, processOf, type Run, type Story } from './story.ts';

/**
 * Of one key nothing runs beside another: never in one process, and in two only where the one that still runs is not wanted
 * any more: its node has been lost, or its time is over, its caller's or that of its closing node.
 */
export function oneAtATime(story: Story): string[] {
  const faults: string[] = [];
  const calls = story.all('sent').filter(({ kind }) => kind === 'call');
  const deadlines = new Map(calls.map(({ op, at, timeoutMs = Infinity }) => [op, at + timeoutMs]));
  const givenUp = (before: Run, at: number): boolean => (deadlines.get(before.op) ?? Infinity) <= at;
  for (const [key, all] of groupBy(story.runs, ({ key }) => key)) {
    all.forEach((run, index) => {
      for (const before of all.slice(0, index)) {
        if (before.endedAt < run.startedAt) continue;
        if (processOf(before.member) !== processOf(run.member)) {
          if (story.lostAt(before.member) < run.startedAt || story.goneAt(run.member) < run.startedAt) continue;
          if (givenUp(before, run.at)) continue;
        }
        faults.push(
          `run ${run.run} of ${run.op} began on ${run.member} while run ${before.run} of ${before.op} had ${key} on ${before.member}`,
        );
      }
    });
  }
  return faults;
}
