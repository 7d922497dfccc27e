/** The ports of what all nodes share, seen through faults. */
import type { AlertStore } from '../ports/alerts.ts';
import type { Breakers } from '../ports/breakers.ts';
import type { Cache } from '../ports/cache.ts';
import type { Once } from '../ports/once.ts';
import type { Limits } from '../ports/limits.ts';
import type { Permits } from '../ports/permits.ts';
import type { Records } from '../ports/records.ts';
import type { StateStore } from '../ports/state.ts';
import type { Topics } from '../ports/topics.ts';
import type { Faults } from './faults.ts';

export function faultyRecords(inner: Records, faults: Faults): Records {
  return {
    all: (family) => faults.call('other', () => inner.all(family)),
    change: (change) => faults.call('other', () => inner.change(change)),
    history: (family, limit) => faults.call('other', () => inner.history(family, limit)),
  };
}

export function faultyBreakers(inner: Breakers, faults: Faults): Breakers {
  return {
    record: (name, tally, policy, by, known) =>
      faults.call('other', () => inner.record(name, tally, policy, by, known)),
    probe: (name, leaseMs, policy, by) => faults.call('other', () => inner.probe(name, leaseMs, policy, by)),
    release: (name, token) => faults.call('other', () => inner.release(name, token)),
    force: (name, force) => faults.call('other', () => inner.force(name, force)),
    all: () => faults.call('other', () => inner.all()),
  };
}

export function faultyCache(inner: Cache, faults: Faults): Cache {
  return {
    take: (space, key, leaseMs) => faults.call('other', () => inner.take(space, key, leaseMs)),
    put: (put) => faults.call('other', () => inner.put(put)),
    release: (space, key, token) => faults.call('other', () => inner.release(space, key, token)),
    invalidate: (space, what) => faults.call('other', () => inner.invalidate(space, what)),
  };
}

export function faultyPermits(inner: Permits, faults: Faults): Permits {
  return { take: (service, request) => faults.call('other', () => inner.take(service, request)) };
}

export function faultyLimits(inner: Limits, faults: Faults): Limits {
  return {
    draw: (service, draws) => faults.call('other', () => inner.draw(service, draws)),
    share: (service, claims) => faults.call('other', () => inner.share(service, claims)),
  };
}

export function faultyState(inner: StateStore, faults: Faults): StateStore {
  return {
    each: (space, operations) => faults.call('other', () => inner.each(space, operations)),
    all: (space, changes) => faults.call('other', () => inner.all(space, changes)),
  };
}

export function faultyOnce(inner: Once, faults: Faults): Once {
  return {
    begin: (begin) => faults.call('once', () => inner.begin(begin)),
    end: (run, end) => faults.call('once', () => inner.end(run, end)),
    told: (run) => faults.call('other', () => inner.told(run)),
  };
}

export function faultyTopics(inner: Topics, faults: Faults): Topics {
  return {
    publish: (request) => faults.call('append', () => inner.publish(request)),
    attach: (topic, group, since, servedSince) =>
      faults.call('other', () => inner.attach(topic, group, since, servedSince)),
    rewind: (topic, group, since) => faults.call('other', () => inner.rewind(topic, group, since)),
    fill: (topic, group) => faults.call('other', () => inner.fill(topic, group)),
    drop: (topic, group) => faults.call('other', () => inner.drop(topic, group)),
    quit: (topic, group) => faults.call('other', () => inner.quit(topic, group)),
    tidy: (topic, group) => faults.call('other', () => inner.tidy(topic, group)),
    attachPattern: (pattern, group, servedSince) =>
      faults.call('other', () => inner.attachPattern(pattern, group, servedSince)),
    dropPattern: (pattern, group) => faults.call('other', () => inner.dropPattern(pattern, group)),
    list: () => faults.call('other', () => inner.list()),
    lapse: () => faults.call('other', () => inner.lapse()),
    told: (groups) => faults.call('other', () => inner.told(groups)),
  };
}

export function faultyAlerts(inner: AlertStore, faults: Faults): AlertStore {
  return {
    commit: (changes) => faults.call('commit', () => inner.commit(changes)),
    live: () => faults.call('other', () => inner.live()),
    due: (now, limit) => faults.call('other', () => inner.due(now, limit)),
    archived: (range) => faults.call('other', () => inner.archived(range)),
    claim: (refs) => faults.call('other', () => inner.claim(refs)),
    finish: (refs, outcome) => faults.call('other', () => inner.finish(refs, outcome)),
    permit: (asks, now) => faults.call('other', () => inner.permit(asks, now)),
    rate: (name, add, windowMs, now) => faults.call('other', () => inner.rate(name, add, windowMs, now)),
  };
}
