import type { Run, Story } from './story.ts';

/** Whether the run before was lost or failed by the time of the next one, so that there had to be a next one. */
export function explains(story: Story, before: Run, next: Run): boolean {
  if (before.how === 'failed' && before.endedAt < next.startedAt) return true;
  return story.goneAt(before.member) < next.startedAt || story.closedAt(before.member) < next.startedAt;
}
