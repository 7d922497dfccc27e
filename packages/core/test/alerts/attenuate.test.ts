import test from 'ava';
import type { AlertRecord, Raised } from '../../src/alerts/alert.ts';
import { attenuate, type Attenuation, type Surroundings } from '../../src/alerts/attenuate.ts';
import { DEFAULT_ALERT_POLICY } from '../../src/alerts/policy.ts';
import {
  silenceMatcherSchema,
  silenceOf,
  silenceSchema,
  type Silence,
  type SilenceMatcher,
} from '../../src/alerts/silence.ts';
import { begun, HOUR, MINUTE, momentAt, NOTIFY, raisedOf, Slot, START } from './judging.ts';

function beside(live: readonly AlertRecord[], more: Partial<Surroundings> = {}): Surroundings {
  const find = (reference: string): AlertRecord | undefined =>
    live.find(({ id, fingerprint }) => id === reference || fingerprint === reference);
  return { silences: [], find, live, storming: false, ...more };
}

function judged(
  raised: Raised,
  surroundings: Surroundings = beside([]),
  asking: 'new' | 'known' | 'told' = 'new',
): Attenuation {
  return attenuate(raised, asking, surroundings, momentAt(0));
}

function silence(matcher: SilenceMatcher, more: Partial<Silence> = {}): Silence {
  return {
    id: 's1',
    matcher,
    author: 'ada',
    reason: 'known',
    since: START,
    until: START + HOUR,
    force: false,
    ...more,
  };
}

const root = begun('high', { fingerprint: 'root', kind: 'node-down' });

// Limits.

test('limits are asked for by source and severity; what is new has a burst of its own (S3-57)', (t) => {
  const refused = { kind: 'held', by: 'limit', until: START + MINUTE };
  const ask = { windowMs: MINUTE };
  t.deepEqual(judged(raisedOf('high')), {
    kind: 'ask',
    ask: { ...ask, name: 'store high', limit: 10, burst: 3 },
    refused,
  });
  t.deepEqual(judged(raisedOf('medium'), beside([]), 'known'), {
    kind: 'ask',
    ask: { ...ask, name: 'store medium', limit: 5 },
    refused,
  });
  const low = raisedOf('low', { source: { nodeId: 'n4' } });
  t.deepEqual(judged(low), { kind: 'ask', ask: { ...ask, name: 'node n4 low', limit: 2, burst: 3 }, refused });
});

test('what was told before has had its place: no limit holds back who must act', (t) => {
  t.deepEqual(judged(raisedOf('high'), beside([]), 'told'), NOTIFY);
});

test('a severity without a limit is not asked for', (t) => {
  const { severities } = DEFAULT_ALERT_POLICY;
  const policy = {
    ...DEFAULT_ALERT_POLICY,
    severities: { ...severities, high: { ...severities.high, perMinute: null } },
  };
  t.deepEqual(attenuate(raisedOf('high'), 'new', beside([]), momentAt(0, 'n1', policy)), NOTIFY);
});

test('what is critical, or an emergency, passes everything (S3-53)', (t) => {
  const everything = beside([root], { silences: [silence({ kinds: ['*'] })], storming: true });
  t.deepEqual(judged(raisedOf('critical', { causedBy: 'root' }), everything), NOTIFY);
  t.deepEqual(judged(raisedOf('low', { bypass: true, causedBy: 'root' }), everything), NOTIFY);
});

// Inhibition.

test('what names an open root is attached to it, by id or by fingerprint', (t) => {
  const held = { kind: 'held', by: 'inhibition', until: START + MINUTE, root: 'root' };
  for (const causedBy of ['root', 'a1']) t.deepEqual(judged(raisedOf('high', { causedBy }), beside([root])), held);
  t.deepEqual(judged(raisedOf('high', { causedBy: 'root' }), beside([root]), 'told'), held, 'an escalation, too');
});

test('a root that is over, unknown, glad or never told explains nothing', (t) => {
  const roots = [
    new Slot().raise('high', { fingerprint: 'root' }).resolve().record!,
    new Slot().raise('critical', { fingerprint: 'root' }).clear('n1').record!,
    begun('high', { fingerprint: 'root', type: 'pleasure' }),
    begun('low', { fingerprint: 'root' }),
    begun('high', { fingerprint: 'other' }),
  ];
  const caused = raisedOf('high', { causedBy: 'root' });
  for (const [n, one] of roots.entries()) t.is(judged(caused, beside([one])).kind, 'ask', `${n}`);
  const acked = new Slot().raise('high', { fingerprint: 'root' }).ack().record!;
  t.is(judged(caused, beside([acked])).kind, 'held');
});

test('alerts that name each other as their cause are told', (t) => {
  const a = begun('high', { fingerprint: 'a', causedBy: 'c' });
  const b = begun('high', { fingerprint: 'b', causedBy: 'a' });
  t.is(judged(raisedOf('high', { fingerprint: 'c', causedBy: 'b' }), beside([a, b])).kind, 'ask');
  t.is(judged(raisedOf('high', { fingerprint: 'a', causedBy: 'a' }), beside([a])).kind, 'ask', 'or itself');
  t.is(judged(raisedOf('high', { fingerprint: 'd', causedBy: 'b' }), beside([a, b])).kind, 'held', 'a chain that ends');
});

test('where a node is lost, what it raised and what is of it follows from that', (t) => {
  const lost = begun('high', { fingerprint: 'lost', kind: 'node-expired', tags: ['node:n7'], reporter: 'n1' });
  const follows = (more: Partial<Raised>): boolean => judged(raisedOf('high', more), beside([lost])).kind === 'held';
  t.true(follows({ source: { nodeId: 'n7' } }));
  t.true(follows({ tags: ['node:n7'] }));
  t.false(follows({ source: { nodeId: 'n8' }, tags: ['node:n8'] }));
  const shared = new Slot().raise('high', { reporter: 'n7' }).raise('high', { reporter: 'n2' }).record!;
  t.is(attenuate(shared, 'told', beside([lost]), momentAt(0)).kind, 'notify', 'others feel it too');
  t.is(attenuate({ ...shared, active: ['n7'] }, 'told', beside([lost]), momentAt(0)).kind, 'held');
  t.false(follows({ kind: 'node-expired', source: { nodeId: 'n7' }, tags: ['node:n8'] }), 'it saw another die');
});

test('where the breaker of a service is open, its failed calls follow from that', (t) => {
  const open = begun('high', { fingerprint: 'open', kind: 'breaker-open', source: { service: 'pay', nodeId: 'n1' } });
  const follows = (kind: string, service?: string): boolean =>
    judged(raisedOf('high', { kind, source: { service, nodeId: 'n2' } }), beside([open])).kind === 'held';
  t.true(follows('error-rate', 'pay'));
  t.true(follows('call-failure', 'pay'));
  t.false(follows('error-rate', 'ship'));
  t.false(follows('error-rate'));
  t.false(follows('disk-full', 'pay'));
  t.false(follows('breaker-open', 'pay'));
});

test('three hundred consequences are attached, and one is told', (t) => {
  const held = Array.from({ length: 300 }, (_, n) => {
    const caused = raisedOf('high', { fingerprint: `c${n}`, causedBy: root.id });
    const admission = judged(caused, beside([root]));
    return begun('high', caused, admission.kind === 'held' ? admission : NOTIFY);
  });
  t.true(
    held.every(
      ({ noticed, causedBy, attenuated }) => noticed === 0 && causedBy === 'root' && attenuated.inhibition === 1,
    ),
  );
  t.is(root.noticed, 1);
});

// Silences.

test('a silence holds back what fits it, until it ends', (t) => {
  const silences = [silence({ kinds: ['disk-*'], services: ['store'] })];
  t.deepEqual(judged(raisedOf('high'), beside([], { silences })), { kind: 'held', by: 'silence', until: START + HOUR });
  const other = raisedOf('high', { source: { nodeId: 'n1', service: 'other' } });
  t.is(judged(other, beside([], { silences })).kind, 'ask');
  t.is(
    judged(raisedOf('low'), beside([], { silences })).kind,
    'ask',
    'of what nobody is told there is nothing to silence',
  );
});

test('every field of a silence must fit', (t) => {
  const source = { nodeId: 'n1', service: 'store', method: 'put' };
  const alert = raisedOf('high', { source, tags: ['a', 'b'] });
  const fits = (matcher: SilenceMatcher): boolean => silenceOf([silence(matcher)], alert, START) !== undefined;
  const fitting: SilenceMatcher = {
    services: ['x', 'store'],
    methods: ['put'],
    kinds: ['disk-full'],
    severities: ['high', 'low'],
    nodes: ['n1'],
    tags: ['b', 'a'],
    fingerprints: ['f1'],
  };
  t.true(fits(fitting));
  const others = {
    services: ['x'],
    methods: ['get'],
    kinds: ['x*'],
    severities: ['low'],
    nodes: ['n2'],
    tags: ['a', 'c'],
    fingerprints: ['f2'],
  };
  for (const [field, wanted] of Object.entries(others)) t.false(fits({ ...fitting, [field]: wanted }), field);
  t.is(silenceOf([silence({ methods: ['put'] })], raisedOf('high'), START), undefined, 'it has no method');
});

test('a silence ends; of several the longest counts', (t) => {
  const short = silence({ kinds: ['*'] }, { until: START + MINUTE });
  const long = silence({ kinds: ['*'] });
  t.is(silenceOf([short, long, short], raisedOf('high'), START)?.until, long.until);
  t.is(silenceOf([short], raisedOf('high'), START + MINUTE), undefined);
  t.is(silenceOf([silence({ kinds: ['*'] }, { since: START + 1 })], raisedOf('high'), START), undefined);
});

test('what is critical is silenced by force only', (t) => {
  const matcher = { kinds: ['disk-full'] };
  t.deepEqual(judged(raisedOf('critical'), beside([], { silences: [silence(matcher)] })), NOTIFY);
  const forced = judged(raisedOf('critical'), beside([], { silences: [silence(matcher, { force: true })] }));
  t.like(forced, { kind: 'held', by: 'silence' });
});

test('a silence needs an end, a matcher, an author and a reason, and force for what is critical', (t) => {
  const fine = silence({ kinds: ['disk-full'] });
  t.deepEqual(silenceSchema.parse(fine), fine);
  const wrong: readonly object[] = [
    { until: undefined },
    { until: START },
    { until: Infinity },
    { author: '' },
    { reason: '' },
    { matcher: {} },
    { matcher: { kinds: [] } },
    { matcher: { colours: ['red'] } },
    { matcher: { severities: ['critical', 'high'] } },
  ];
  for (const more of wrong) t.false(silenceSchema.safeParse({ ...fine, ...more }).success, JSON.stringify(more));
  t.true(silenceSchema.safeParse({ ...fine, matcher: { severities: ['critical'] }, force: true }).success);
  t.false(silenceMatcherSchema.safeParse({ kinds: undefined }).success);
});

// Storm.

test('in a storm everything waits until it may be over, but not what is critical', (t) => {
  const stormy = beside([], { storming: true });
  t.deepEqual(judged(raisedOf('high'), stormy), { kind: 'held', by: 'storm', until: START + MINUTE });
  t.deepEqual(judged(raisedOf('medium'), stormy, 'told'), { kind: 'held', by: 'storm', until: START + MINUTE });
  t.is(judged(raisedOf('critical'), stormy).kind, 'notify');
  t.is(judged(raisedOf('low'), stormy).kind, 'ask');
});

test('the order: cause, silence, storm, limit', (t) => {
  const caused = raisedOf('high', { causedBy: 'root' });
  const silences = [silence({ kinds: ['*'] })];
  t.like(judged(caused, beside([root], { silences, storming: true })), { by: 'inhibition' });
  t.like(judged(caused, beside([], { silences, storming: true })), { by: 'silence' });
  t.like(judged(caused, beside([], { storming: true })), { by: 'storm' });
  t.is(judged(caused).kind, 'ask');
});
