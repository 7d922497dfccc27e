import type { Story } from './story.ts';

/** What is said to be not executed never ran. */
export function outcomes(story: Story): string[] {
  const ran = new Set(story.runs.map(({ op }) => op));
  return story
    .all('refused')
    .filter(({ op, outcome }) => outcome === 'not-executed' && ran.has(op))
    .map(({ op, code }) => `${op} was refused (${code}) as not executed, and ran`);
}
