/** The ports of what all nodes share, as one link sees them. */
import type { AlertStore } from '../../ports/alerts.ts';
import type { Breakers } from '../../ports/breakers.ts';
import type { Cache } from '../../ports/cache.ts';
import type { Limits } from '../../ports/limits.ts';
import { NotMember } from '../../ground/errors.ts';
import type { Once } from '../../ports/once.ts';
import type { Permits } from '../../ports/permits.ts';
import type { Records } from '../../ports/records.ts';
import type { StateStore } from '../../ports/state.ts';
import type { Topics } from '../../ports/topics.ts';
import type { Hold } from './hold.ts';

export function memoryRecords(hold: Hold): Records {
  const { records } = hold.world;
  return {
    all: (family) => hold.use(() => records.all(family)),
    change: (change) =>
      hold.use(() => {
        memberOf(hold);
        return records.change(change);
      }),
    history: (family, limit) => hold.use(() => records.history(family, limit)),
  };
}

export function memoryBreakers(hold: Hold): Breakers {
  const { breakers } = hold.world;
  return {
    record: (name, tally, policy, by, known) => hold.use(() => breakers.record(name, tally, policy, by, known)),
    probe: (name, leaseMs, _policy, by) => hold.use(() => breakers.probe(name, leaseMs, by)),
    release: (name, token) => hold.use(() => breakers.release(name, token)),
    force: (name, force) => hold.use(() => breakers.force(name, force)),
    all: () => hold.use(() => breakers.all()),
  };
}

export function memoryCache(hold: Hold): Cache {
  const { cache } = hold.world;
  return {
    take: (space, key, leaseMs) => hold.use(() => cache.take(space, key, leaseMs)),
    put: (put) => hold.use(() => cache.put(put)),
    release: (space, key, token) => hold.use(() => cache.release(space, key, token)),
    invalidate: (space, what) => hold.use(() => cache.invalidate(space, what)),
  };
}

export function memoryPermits(hold: Hold): Permits {
  const { permits } = hold.world;
  return { take: (service, request) => hold.use(() => permits.take(service, request)) };
}

export function memoryLimits(hold: Hold): Limits {
  const { limits, members } = hold.world;
  return {
    draw: (service, draws) => hold.use(() => limits.draw(service, draws)),
    share: (service, claims) => hold.use(() => limits.share(service, claims, memberOf(hold), (id) => members.has(id))),
  };
}

export function memoryState(hold: Hold): StateStore {
  const { state } = hold.world;
  return {
    each: (space, operations) => hold.use(() => state.each(space, operations)),
    all: (space, changes) => hold.use(() => state.all(space, changes)),
  };
}

export function memoryOnce(hold: Hold): Once {
  const { once } = hold.world;
  return {
    begin: (begin) =>
      hold.use(() => {
        const node = hold.current()?.id;
        return node === undefined ? { kind: 'not-member' } : once.begin(begin, node);
      }),
    end: (run, end) =>
      hold.use(() => {
        const node = hold.current()?.id;
        return node === undefined ? { kind: 'not-member' } : once.end(run, end, node);
      }),
    told: (run) => hold.use(() => once.told(run)),
  };
}

export function memoryTopics(hold: Hold): Topics {
  const { topics } = hold.world;
  const asMember = <Result>(act: () => Result): Promise<Result> =>
    hold.use(() => {
      memberOf(hold);
      return act();
    });
  return {
    publish: (request) =>
      hold.use(() => {
        const member = hold.current();
        return member === undefined ? { kind: 'not-member' } : topics.publish(request, member.numbers);
      }),
    attach: (topic, group, since, servedSince) =>
      hold.use(() => (hold.current() === undefined ? 'not-member' : topics.attach(topic, group, since, servedSince))),
    rewind: (topic, group, since) =>
      hold.use(() => (hold.current() === undefined ? 'not-member' : topics.rewind(topic, group, since))),
    fill: (topic, group) => hold.use(() => (hold.current() === undefined ? 'not-member' : topics.fill(topic, group))),
    drop: (topic, group) => asMember(() => topics.drop(topic, group)),
    // Who reads it is known here at any time.
    quit: () => asMember(() => true),
    tidy: (topic, group) => asMember(() => topics.tidy(topic, group)),
    attachPattern: (pattern, group, servedSince) => asMember(() => topics.attachPattern(pattern, group, servedSince)),
    dropPattern: (pattern, group) => asMember(() => topics.dropPattern(pattern, group)),
    list: () => hold.use(() => topics.list()),
    lapse: () => asMember(() => topics.lapse()),
    told: (groups) => asMember(() => topics.told(groups)),
  };
}

export function memoryAlerts(hold: Hold): AlertStore {
  const { alerts, members } = hold.world;
  const lives = (id: string): boolean => members.has(id);
  return {
    commit: (changes) => hold.use(() => changes.map((change) => alerts.commit(change))),
    live: () => hold.use(() => alerts.live()),
    due: (now, limit) => hold.use(() => alerts.due(now, limit)),
    archived: (range) => hold.use(() => alerts.archived(range)),
    claim: (refs) =>
      hold.use(() => {
        const node = memberOf(hold);
        return refs.map((ref) => alerts.claims.claim(ref, node, lives));
      }),
    finish: (refs, outcome) =>
      hold.use(() => {
        // What it delivered before it was evicted is delivered, unless somebody else has it by now.
        const node = hold.member?.id;
        if (node !== undefined) for (const ref of refs) alerts.claims.finish(ref, node, outcome);
      }),
    permit: (asks, now) => hold.use(() => asks.map((ask) => alerts.windows.permit(ask, now))),
    rate: (name, add, windowMs, now) => hold.use(() => alerts.windows.rate(name, add, windowMs, now)),
  };
}

/** @throws NotMember */
function memberOf(hold: Hold): string {
  const member = hold.current();
  if (member === undefined) throw new NotMember(hold.member?.id ?? hold.identity.name, 'not-executed');
  return member.id;
}
