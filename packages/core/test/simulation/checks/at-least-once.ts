import type { Story } from './story.ts';

/** Whatever was accepted has been handled, or is a dead letter. */
export function atLeastOnce(story: Story): string[] {
  const handled = new Set(story.runs.filter(({ how }) => how === 'done').map(({ op }) => op));
  const dead = new Set(story.all('dead').map(({ op }) => op));
  return story
    .all('accepted')
    .filter(({ op }) => !handled.has(op) && !dead.has(op))
    .map(({ op }) => `${op} was accepted and neither handled nor kept as a dead letter`);
}
