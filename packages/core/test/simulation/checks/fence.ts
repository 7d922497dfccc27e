import type { Story } from './story.ts';

/** The backend takes nothing from a member that is no more, and gives it nothing. */
export function fence(story: Story): string[] {
  const faults: string[] = [];
  story.history.forEach((one, index) => {
    if (one.type === 'wrote' && story.goneAt(one.member) < index)
      faults.push(`${one.member} was gone, and the backend took its ${one.method} to ${one.to}`);
    else if (one.type === 'claimed' && story.goneAt(one.member) < index)
      faults.push(`${one.member} was gone, and was given ${one.entry}`);
    else if (one.type === 'settled' && one.result === 'settled' && story.goneAt(one.member) < index)
      faults.push(`${one.member} was gone, and settled ${one.entry}`);
  });
  return faults;
}
