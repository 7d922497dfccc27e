import { groupBy, type Story } from './story.ts';

/** What a handler casts together with a change of state leaves once, and only if the change is made. */
export function onwards(story: Story): string[] {
  const faults: string[] = [];
  const runs = groupBy(story.runs, ({ op }) => op);
  const applied = new Set(story.all('state').flatMap(({ applied }) => applied));
  const dead = new Set(story.all('dead').map(({ op }) => op));
  for (const { op, onward } of story.all('sent')) {
    if (onward === undefined) continue;
    const all = runs.get(onward) ?? [];
    const messages = new Set(all.map(({ message }) => message));
    if (messages.size > 1) faults.push(`${onward} left as ${messages.size} messages: ${[...messages].join(', ')}`);
    if (applied.has(op) && !dead.has(onward) && !all.some(({ how }) => how === 'done'))
      faults.push(`${op} was applied, and its ${onward} never arrived`);
    if (!applied.has(op) && all.length > 0) faults.push(`${onward} arrived, and ${op} was never applied`);
  }
  return faults;
}
