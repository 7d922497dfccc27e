import type { Run, Story } from './story.ts';

/** Whether the run before was lost or failed by the time of the next one, so that there had to be a next one. */
export function explains(story: Story, before: Run, next: Run): boolean {
  if (before.how === 'failed' && before.endedAt < next.startedAt) return true;
  return story.lostAt(before.member) < next.startedAt;
}

/** Without those that a node began with when it was gone and did not know it yet: their endings count for nothing. */
export function ofMembers(story: Story, runs: readonly Run[]): readonly Run[] {
  return runs.filter(({ member, startedAt }) => story.goneAt(member) > startedAt);
}
