import { explains, ofMembers } from './explained.ts';
import { groupBy, type Run, type Story } from './story.ts';

/** Requests of one id run once among them, unless that run failed or was lost with its node, and get one answer. */
export function onceOnly(story: Story): string[] {
  const once = new Map(story.all('sent').map((one) => [one.op, one.once]));
  const repeated = new Set(story.all('claimed').flatMap(({ again, frame }) => (again ? [frame] : [])));
  // One message, and after it has failed: an old claim of it beside its redelivery has the same right to the id.
  const isRepeatOf = ({ message, startedAt }: Run): boolean =>
    repeated.has(message.slice(0, message.lastIndexOf('.'))) &&
    story.runs.some((run) => run.message === message && run.how === 'failed' && run.endedAt < startedAt);
  const faults: string[] = [];
  for (const [id, all] of groupBy(story.runs, ({ op }) => once.get(op))) {
    const living = ofMembers(story, all);
    for (let index = 1; index < living.length; index += 1) {
      const [before, next] = [living[index - 1]!, living[index]!];
      if (!explains(story, before, next) && !isRepeatOf(next))
        faults.push(`${id} ran again as run ${next.run} of ${next.op} after run ${before.run} of ${before.op}`);
    }
  }
  for (const [id, all] of groupBy(story.all('answered'), ({ op }) => once.get(op))) {
    const different = new Set(all.map(({ run }) => run));
    if (different.size > 1) faults.push(`${id} was answered by ${different.size} runs: ${[...different].join(', ')}`);
  }
  return faults;
}
