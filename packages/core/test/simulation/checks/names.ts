import { groupBy, type Story } from './story.ts';

/** A message's id is nobody else's. */
export function names(story: Story): string[] {
  const faults: string[] = [];
  for (const [message, runs] of groupBy(story.runs, ({ message }) => message)) {
    const ops = new Set(runs.map(({ op }) => op));
    if (ops.size > 1) faults.push(`${message} is ${[...ops].join(' and ')}`);
  }
  return faults;
}
