import type { Story } from './story.ts';

/** Whatever was accepted has been handled or is a dead letter: it, or another of its id. */
export function atLeastOnce(story: Story): string[] {
  const once = new Map(story.all('sent').map(({ op, once }) => [op, once ?? op]));
  const same = (op: string): string => once.get(op) ?? op;
  const handled = new Set(story.runs.filter(({ how }) => how === 'done').map(({ op }) => same(op)));
  const dead = new Set(story.all('dead').map(({ op }) => same(op)));
  return story
    .all('accepted')
    .filter(({ op }) => !handled.has(same(op)) && !dead.has(same(op)))
    .map(({ op }) => `${op} was accepted and neither handled nor kept as a dead letter`);
}
