import { explains, ofMembers } from './explained.ts';
import { groupBy, type Story } from './story.ts';

/** A message runs again only after it has failed, or after the node that had it was lost. */
export function runs(story: Story): string[] {
  const repeated = new Set(story.all('claimed').flatMap(({ again, frame }) => (again ? [frame] : [])));
  const faults: string[] = [];
  for (const [message, all] of groupBy(story.runs, ({ op, message }) => `${op} (${message})`)) {
    if (repeated.has(message.slice(message.indexOf('(') + 1, message.lastIndexOf('.')))) continue;
    const living = ofMembers(story, all);
    for (let index = 1; index < living.length; index += 1) {
      const [before, next] = [living[index - 1]!, living[index]!];
      if (!explains(story, before, next))
        faults.push(`${message} ran again as run ${next.run} while ${before.member} had it in run ${before.run}`);
    }
  }
  return faults;
}
