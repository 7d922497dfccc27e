/** Says what is wrong with a history. What went in must come out: accepted = handled + dead, once the queues are empty. */
import type { Happening } from './history.ts';

export interface Remains {
  /** Ids of the dead letters. */
  readonly dead: readonly string[];
  /** What the mailbox still holds when everything has been drained. */
  readonly messages: number;
  readonly bytes: number;
  readonly waiting: number;
  readonly pending: number;
}

export interface Allowances {
  /** Ids may be handled again under the same message id: a node died or was declared dead, or Redis went back in time. */
  readonly repeats: boolean;
  /** Only what was accepted after this moment must not be lost (after FLUSHALL). */
  readonly lossBefore?: number;
}

export interface Findings {
  readonly faults: readonly string[];
  readonly accepted: number;
  readonly handled: number;
  readonly repeated: number;
  readonly unknown: number;
}

const SHOWN = 5;

export function check(history: readonly Happening[], remains: Remains, allowed: Allowances): Findings {
  const attempted = new Set<string>();
  const calls = new Set<string>();
  const accepted = new Map<string, number>();
  const neverSent = new Set<string>();
  let unknown = 0;
  const messagesOf = new Map<string, Set<string>>();
  const endings = new Map<string, number>();
  const settled = new Map<string, number>();
  const troubles: string[] = [];
  for (const happening of history) {
    switch (happening.type) {
      case 'attempt':
        attempted.add(happening.id);
        if (happening.call) calls.add(happening.id);
        break;
      case 'ok':
        accepted.set(happening.id, happening.at);
        break;
      case 'refused':
        if (happening.outcome === 'not-executed') neverSent.add(happening.id);
        else unknown += 1;
        break;
      case 'start':
        messagesOf.set(happening.id, (messagesOf.get(happening.id) ?? new Set()).add(happening.messageId));
        break;
      case 'end':
        endings.set(happening.id, (endings.get(happening.id) ?? 0) + 1);
        break;
      case 'settle':
        if (happening.result === 'settled' && happening.ends)
          settled.set(happening.entry, (settled.get(happening.entry) ?? 0) + 1);
        break;
      case 'trouble':
        troubles.push(happening.what);
        break;
    }
  }
  const dead = new Set(remains.dead);
  const mustArrive = [...accepted].filter(([, at]) => at > (allowed.lossBefore ?? 0)).map(([id]) => id);
  const faults: string[] = [];
  const say = (what: string, ids: readonly string[]): void => {
    if (ids.length > 0) faults.push(`${what}: ${ids.length} (${ids.slice(0, SHOWN).join(', ')})`);
  };
  say(
    'accepted but neither handled nor dead',
    mustArrive.filter((id) => !endings.has(id) && !dead.has(id)),
  );
  say(
    'handled but never sent',
    [...messagesOf.keys()].filter((id) => !attempted.has(id)),
  );
  say(
    'said to be not executed, yet handled',
    [...neverSent].filter((id) => messagesOf.has(id)),
  );
  say(
    'one request, two messages',
    [...messagesOf].filter(([, messages]) => messages.size > 1).map(([id]) => id),
  );
  say(
    'entries settled twice',
    [...settled].filter(([, times]) => times > 1).map(([entry]) => entry),
  );
  const repeated = [...endings].filter(([, times]) => times > 1).map(([id]) => id);
  if (!allowed.repeats) say('handled twice', repeated);
  say('troubles', troubles);
  for (const part of ['messages', 'bytes', 'waiting', 'pending'] as const) {
    if (remains[part] !== 0) faults.push(`the drained mailbox still counts ${part}: ${remains[part]}`);
  }
  return { faults, accepted: accepted.size, handled: endings.size, repeated: repeated.length, unknown };
}

/** The longest time from acceptance to the end of its first handling, ms, of what was accepted since `since`. */
export function slowest(history: readonly Happening[], since: number): number {
  const ended = new Map<string, number>();
  for (const happening of history) {
    if (happening.type === 'end') ended.set(happening.id, Math.min(happening.at, ended.get(happening.id) ?? Infinity));
  }
  let worst = 0;
  for (const happening of history) {
    if (happening.type === 'ok' && happening.at >= since)
      worst = Math.max(worst, (ended.get(happening.id) ?? Infinity) - happening.at);
  }
  return worst;
}
