import { explains, ofMembers } from './explained.ts';
import { groupBy, type Story } from './story.ts';

/** Requests of one id run once among them, unless that run failed or was lost with its node, and get one answer. */
export function onceOnly(story: Story): string[] {
  const once = new Map(story.all('sent').map((one) => [one.op, one.once]));
  const faults: string[] = [];
  for (const [id, all] of groupBy(story.runs, ({ op }) => once.get(op))) {
    const living = ofMembers(story, all);
    for (let index = 1; index < living.length; index += 1) {
      const [before, next] = [living[index - 1]!, living[index]!];
      if (!explains(story, before, next))
        faults.push(`${id} ran again as run ${next.run} of ${next.op} after run ${before.run} of ${before.op}`);
    }
  }
  for (const [id, all] of groupBy(story.all('answered'), ({ op }) => once.get(op))) {
    const different = new Set(all.map(({ run }) => run));
    if (different.size > 1) faults.push(`${id} was answered by ${different.size} runs: ${[...different].join(', ')}`);
  }
  return faults;
}
