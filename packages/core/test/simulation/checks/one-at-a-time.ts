import { groupBy, type Story } from './story.ts';

/** Of one key nothing runs beside another, unless the node of the one that still runs has been lost. */
export function oneAtATime(story: Story): string[] {
  const faults: string[] = [];
  for (const [key, all] of groupBy(story.runs, ({ key }) => key)) {
    all.forEach((run, index) => {
      for (const before of all.slice(0, index)) {
        if (before.endedAt < run.startedAt || story.goneAt(before.member) < run.startedAt) continue;
        faults.push(
          `run ${run.run} of ${run.op} began on ${run.member} while run ${before.run} of ${before.op} had ${key} on ${before.member}`,
        );
      }
    });
  }
  return faults;
}
