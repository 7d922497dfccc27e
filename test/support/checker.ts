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
  /** What was accepted in these stretches of time may be lost (FLUSHALL). Both ends included. */
  readonly losses?: readonly (readonly [from: number, to: number])[];
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
  const timedOut = new Map<string, number>();
  let unknown = 0;
  const messagesOf = new Map<string, Set<string>>();
  const endings = new Map<string, number>();
  const settled = new Map<string, number>();
  const entriesOf = new Map<string, Set<string>>();
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
        if (happening.code === 'CALL_TIMEOUT') timedOut.set(happening.id, happening.at);
        break;
      case 'start':
        put(messagesOf, happening.id, happening.messageId);
        break;
      case 'end':
        endings.set(happening.id, (endings.get(happening.id) ?? 0) + 1);
        break;
      case 'claim':
        if (happening.whole) put(entriesOf, happening.frame, happening.entry);
        break;
      case 'settle':
        if (happening.result === 'settled' && happening.ends)
          settled.set(happening.entry, (settled.get(happening.entry) ?? 0) + 1);
        break;
      case 'trouble':
        troubles.push(happening.what);
        break;
      default:
    }
  }
  const dead = new Set(remains.dead);
  const mayBeLost = (at: number): boolean => allowed.losses?.some(([from, to]) => at >= from && at <= to) ?? false;
  const mustArrive = [...accepted].filter(([, at]) => !mayBeLost(at)).map(([id]) => id);
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
    'calls handled, yet not answered in time',
    [...timedOut].filter(([id, at]) => calls.has(id) && endings.has(id) && !mayBeLost(at)).map(([id]) => id),
  );
  say(
    'one request, two messages',
    [...messagesOf].filter(([, messages]) => messages.size > 1).map(([id]) => id),
  );
  say('one frame, two entries', [...entriesOf.values()].filter((entries) => entries.size > 1).map(join));
  say(
    'entries settled twice',
    [...settled].filter(([, times]) => times > 1).map(([entry]) => entry),
  );
  say('settled by a node that another had taken over from', usurped(history));
  const repeated = [...endings].filter(([, times]) => times > 1).map(([id]) => id);
  if (!allowed.repeats) say('handled twice', repeated);
  say('troubles', troubles);
  for (const part of ['messages', 'bytes', 'waiting', 'pending'] as const) {
    if (remains[part] !== 0) faults.push(`the drained mailbox still counts ${part}: ${remains[part]}`);
  }
  return { faults, accepted: accepted.size, handled: endings.size, repeated: repeated.length, unknown };
}

/**
 * Entries that a node ended although another one had claimed them after it and before that: whoever claims later has
 * taken over. A claim that is written down only after the ending is a zombie's, read late.
 */
function usurped(history: readonly Happening[]): string[] {
  const claims = new Map<string, Map<string, number>>();
  for (const one of history) {
    if (one.type !== 'claim') continue;
    let byNode = claims.get(one.entry);
    if (byNode === undefined) claims.set(one.entry, (byNode = new Map<string, number>()));
    byNode.set(one.node, Math.max(one.at, byNode.get(one.node) ?? 0));
  }
  const entries: string[] = [];
  for (const one of history) {
    if (one.type !== 'settle' || one.result !== 'settled' || !one.ends) continue;
    const byNode = claims.get(one.entry) ?? new Map<string, number>();
    const own = byNode.get(one.node) ?? Infinity;
    if ([...byNode].some(([node, at]) => node !== one.node && at > own && at <= one.at)) entries.push(one.entry);
  }
  return entries;
}

function put(sets: Map<string, Set<string>>, key: string, member: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([member]));
  else set.add(member);
}

function join(set: ReadonlySet<string>): string {
  return [...set].join(' and ');
}
