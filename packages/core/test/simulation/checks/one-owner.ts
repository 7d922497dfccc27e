import type { Story } from './story.ts';

/** A partition has one owner at a time. */
export function oneOwner(story: Story): string[] {
  const owners = new Map<string, string>();
  const faults: string[] = [];
  story.history.forEach((one, index) => {
    if (one.type === 'released' && owners.get(one.partition) === one.member) owners.delete(one.partition);
    if (one.type !== 'owned') return;
    const before = owners.get(one.partition);
    if (before !== undefined && before !== one.member && story.goneAt(before) > index + SLACK)
      faults.push(`${one.partition} was given to ${one.member} while ${before} owned it`);
    owners.set(one.partition, one.member);
  });
  return faults;
}

/** That a member is gone is heard a little after it is. */
const SLACK = 50;
