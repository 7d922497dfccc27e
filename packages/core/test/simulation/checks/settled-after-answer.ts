import { groupBy, type Story } from './story.ts';

/** A call that went well is settled only once its answer is in its caller's inbox, or that inbox is no more. */
export function settledAfterAnswer(story: Story): string[] {
  const calls = story.all('sent').filter(({ kind }) => kind === 'call');
  const deadlines = new Map(calls.map(({ op, at, timeoutMs = Infinity }) => [op, at + timeoutMs]));
  const runs = groupBy(story.runs, ({ message }) => message.slice(0, message.lastIndexOf('.')));
  const frames = new Map(story.all('claimed').map(({ entry, frame }) => [entry, frame]));
  const faults: string[] = [];
  story.history.forEach((one, index) => {
    if (one.type !== 'settled' || one.result !== 'settled' || one.kind !== 'done') return;
    const caller = callerOf(frames.get(one.entry) ?? '');
    for (const run of runs.get(frames.get(one.entry) ?? '') ?? []) {
      if (run.how !== 'done' || run.member !== one.member || run.endedAt > index) continue;
      // What ends later has been given up, or is nobody's.
      if (story.history[run.endedAt]!.at > (deadlines.get(run.op) ?? -1)) continue;
      if (story.goneAt(caller) < index + SLACK || wrote(story, one.member, caller, run.endedAt, index)) continue;
      faults.push(`${one.entry} was settled by ${one.member} before ${run.op} was answered (run ${run.run})`);
    }
  });
  return faults;
}

/** That a member is gone is heard a little after it is. */
const SLACK = 50;

function callerOf(frame: string): string {
  return frame.slice(0, frame.lastIndexOf('/'));
}

function wrote(story: Story, member: string, to: string, from: number, until: number): boolean {
  return story.history
    .slice(from, until)
    .some((one) => one.type === 'wrote' && one.method === 'reply' && one.member === member && one.to === to);
}
