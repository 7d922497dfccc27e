import type { Story } from './story.ts';

/** An entry is in one hand at a time, and only that hand ends it, once. */
export function oneEnding(story: Story): string[] {
  const holder = new Map<string, string | undefined>();
  const faults: string[] = [];
  story.history.forEach((one, index) => {
    if (one.type === 'claimed' && !one.again) {
      const before = holder.get(one.entry);
      if (before !== undefined && before !== one.member && !(story.goneAt(before) < index + SLACK))
        faults.push(`${one.entry} was given to ${one.member} while ${before} had it`);
      holder.set(one.entry, one.member);
    } else if (one.type === 'released') {
      for (const [entry, member] of holder)
        if (member === one.member && entry.startsWith(`${one.partition} `)) holder.set(entry, undefined);
    } else if (one.type === 'settled' && one.result === 'settled') {
      if (holder.get(one.entry) !== one.member)
        faults.push(`${one.member} settled ${one.entry}, which it did not have`);
      if (one.ends) holder.set(one.entry, undefined);
    }
  });
  return faults;
}

/** That a member is gone is heard a little after it is, and after what it held was given away. */
const SLACK = 50;
