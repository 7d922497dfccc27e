/** Who is told what, when, and by which node: on the memory backend and a clock that is turned by hand. */
import test from 'ava';
import { ConfigError, NodeClosed } from '../../src/ground/errors.ts';
import { DEAD_MS, Ear, houseOf } from './delivery-house.ts';

const SECOND = 1_000;

test('a subscriber that was paused is told critical, high, medium, whatever came first, and nothing of low (S3-59)', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  const subscription = a.delivery.subscribe({}, ear.handle);
  subscription.pause();
  for (const severity of ['low', 'medium', 'high', 'critical'] as const) await house.raise(severity, severity);
  t.deepEqual(ear.heard, []);
  subscription.resume();
  await house.settle();
  t.deepEqual(ear.heard, ['critical', 'high', 'medium']);
});

test('among equals the older goes first, pain before pleasure', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  const subscription = a.delivery.subscribe({ types: ['pain', 'pleasure'] }, ear.handle);
  subscription.pause();
  await house.raise('high', 'better', { type: 'pleasure' });
  await house.raise('high', 'first');
  await house.advance(SECOND);
  await house.raise('high', 'second');
  subscription.resume();
  await house.settle();
  t.deepEqual(ear.heard, ['first', 'second', 'better']);
});

test('of a group exactly one member is told, of a broadcast every node', async (t) => {
  const { house, a, b, c } = await houseOf(t, 'a', 'b', 'c');
  const [group, all] = [new Ear(), new Ear()];
  for (const { delivery } of [a, b, c]) {
    delivery.subscribe({ level: 's5' }, group.handle, { name: 'pager' });
    delivery.subscribe({ level: 's5' }, all.handle, { mode: 'broadcast' });
  }
  for (let n = 0; n < 10; n += 1) await house.raise('critical', `down-${n}`);
  t.deepEqual(
    group.heard,
    Array.from({ length: 10 }, (_, n) => `down-${n}`),
  );
  t.is(all.heard.length, 30);
});

test('whoever subscribes later is told what is open at its level, once, and nothing that is over', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  await house.raise('critical', 'open');
  await house.raise('high', 'lower');
  await house.raise('critical', 'over');
  await house.ack('over');
  await house.resolve('over');
  await house.advance(60 * SECOND);
  const ear = new Ear();
  a.delivery.subscribe({ level: 's5' }, ear.handle, { name: 'pager' });
  await house.settle();
  t.deepEqual(ear.heard, ['open']);
  b.delivery.subscribe({ level: 's5' }, ear.handle, { name: 'pager' });
  await house.settle();
  t.deepEqual(ear.heard, ['open'], 'the group has been told');
});

test('a member that dies with a notice in hand: exactly one other is told', async (t) => {
  const { house, a, b, c } = await houseOf(t, 'a', 'b', 'c');
  const dying = new Ear();
  dying.hanging = true;
  a.delivery.subscribe({ level: 's5' }, dying.handle, { name: 'pager', timeoutMs: 600 * SECOND });
  await house.raise('critical', 'down');
  const others = new Ear();
  for (const { delivery } of [b, c]) delivery.subscribe({ level: 's5' }, others.handle, { name: 'pager' });
  await house.advance(2 * SECOND);
  t.deepEqual([dying.heard, others.heard], [['down'], []]);
  await a.kill();
  await house.advance(DEAD_MS);
  t.deepEqual(others.heard, ['down']);
  await house.advance(120 * SECOND);
  t.deepEqual(others.heard, ['down']);
});

test('what a handler refuses is told again, later and later, to the same node', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [refusing, other] = [new Ear(), new Ear()];
  refusing.failing = true;
  a.delivery.subscribe({ level: 's3' }, refusing.handle, { name: 'ops' });
  await house.raise('high', 'slow');
  b.delivery.subscribe({ level: 's3' }, other.handle, { name: 'ops' });
  const at: number[] = [];
  for (let second = 0; second <= 70; second += 1) {
    if (refusing.heard.length > at.length) at.push(second);
    await house.advance(SECOND);
  }
  t.deepEqual(at, [0, 1, 3, 7, 15, 31, 63]);
  t.deepEqual(
    refusing.contexts.map(({ attempt }) => attempt),
    [1, 2, 3, 4, 5, 6, 7],
  );
  t.deepEqual(other.heard, []);
  refusing.failing = false;
  await house.advance(60 * SECOND);
  t.is(refusing.heard.length, 8);
  await house.advance(600 * SECOND);
  t.is(refusing.heard.length, 8, 'it is done');
  t.deepEqual(other.heard, []);
});

test('a handler that takes too long is aborted, and asked again', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  ear.hanging = true;
  a.delivery.subscribe({ level: 's3' }, ear.handle, { timeoutMs: 5 * SECOND });
  await house.raise('high', 'slow');
  await house.advance(5 * SECOND);
  t.true(ear.contexts[0]?.signal.aborted);
  t.like(ear.contexts[0]?.signal.reason, { code: 'HANDLER_TIMEOUT' });
  ear.hanging = false;
  await house.advance(SECOND);
  t.deepEqual(ear.heard, ['slow', 'slow']);
  t.false(ear.contexts[1]?.signal.aborted);
});

test('a group that cannot be told is an alert to the others, until it can be told again', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [broken, next] = [new Ear(), new Ear()];
  broken.failing = true;
  a.delivery.subscribe({ level: 's3' }, broken.handle, { name: 'chat' });
  b.delivery.subscribe({ level: 's3' }, next.handle, { name: 'pager' });
  await house.raise('high', 'slow');
  await house.advance(2 * SECOND);
  t.deepEqual(a.acts, []);
  await house.advance(SECOND);
  t.deepEqual(a.acts, ['raise sink-failed chat']);
  const { kind, metrics } = a.raised[0]!;
  t.like(a.raised[0], { severity: 'high', scope: 'chat' });
  t.regex(a.raised[0]!.message, /chat.*no line/);
  await house.raise('high', kind, { metrics });
  await house.advance(60 * SECOND);
  t.deepEqual(next.heard, ['slow', 'sink-failed']);
  t.deepEqual([...new Set(broken.heard)], ['slow']);
  t.is(a.acts.length, 1, 'it is said once');
  broken.failing = false;
  await house.advance(60 * SECOND);
  t.deepEqual(a.acts, ['raise sink-failed chat', 'clear sink-failed chat']);
});

test('a later notice takes the place of one that was not delivered', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  const subscription = a.delivery.subscribe({ level: 's5' }, ear.handle);
  subscription.pause();
  await house.raise('high', 'slow');
  await house.escalate('slow');
  await house.escalate('slow');
  await house.escalate('slow');
  subscription.resume();
  await house.settle();
  t.deepEqual(ear.heard, ['slow']);
  t.like(ear.contexts[0]?.notice, { n: 4, to: ['s5'] });
  await house.escalate('slow');
  t.deepEqual(
    ear.contexts.map(({ notice }) => notice.n),
    [4, 5],
  );
});

test('while it is tried again, what was resolved is told no more, and what is worse is told at once', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  ear.failing = true;
  a.delivery.subscribe({ level: 's3' }, ear.handle);
  await house.raise('high', 'over');
  await house.raise('high', 'worse');
  await house.advance(10 * SECOND);
  ear.failing = false;
  ear.heard.length = 0;
  await house.resolve('over');
  await house.raise('critical', 'worse');
  t.deepEqual(ear.heard, ['worse']);
  await house.advance(60 * SECOND);
  t.deepEqual(ear.heard, ['worse']);
});

test('one at a time unless more are asked for; what is critical waits for no room', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const [one, three] = [new Ear(), new Ear()];
  one.hanging = three.hanging = true;
  a.delivery.subscribe({}, one.handle, { name: 'one' });
  a.delivery.subscribe({}, three.handle, { name: 'three', concurrency: 3 });
  for (let n = 0; n < 4; n += 1) await house.raise('high', `slow-${n}`);
  t.is(one.heard.length, 1);
  t.is(three.heard.length, 3);
  await house.raise('critical', 'down');
  t.deepEqual([one.heard.at(-1), three.heard.at(-1)], ['down', 'down']);
  await house.raise('high', 'emergency', { bypass: true });
  t.is(one.heard.at(-1), 'emergency');
  one.release();
  await house.settle();
  t.deepEqual([...one.heard].toSorted(), ['down', 'emergency', 'slow-0', 'slow-1', 'slow-2', 'slow-3']);
});

test('a member whose handler keeps failing leaves the rest to the others', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [failing, well] = [new Ear(), new Ear()];
  failing.failing = true;
  a.delivery.subscribe({ level: 's3' }, failing.handle, { name: 'ops' });
  for (let n = 0; n < 20; n += 1) await house.raise('high', `slow-${n}`);
  t.is(new Set(failing.heard).size, 8);
  b.delivery.subscribe({ level: 's3' }, well.handle, { name: 'ops' });
  await house.settle();
  t.is(well.heard.length, 12);
});

test('one that is paused keeps nothing back from its group', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [paused, other] = [new Ear(), new Ear()];
  paused.failing = true;
  const subscription = a.delivery.subscribe({ level: 's3' }, paused.handle, { name: 'ops' });
  await house.raise('high', 'slow');
  subscription.pause();
  await house.raise('high', 'slower');
  b.delivery.subscribe({ level: 's3' }, other.handle, { name: 'ops' });
  await house.settle();
  t.deepEqual(other.heard, ['slow', 'slower']);
  paused.failing = false;
  subscription.resume();
  await house.settle();
  t.deepEqual(paused.heard, ['slow'], 'the group has been told');
});

test('one that was paused while it ran, and failed, gives it back', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [paused, other] = [new Ear(), new Ear()];
  const subscription = a.delivery.subscribe(
    { level: 's3' },
    async (alert, ctx) => {
      await paused.handle(alert, ctx);
      throw new Error('in vain');
    },
    { name: 'ops' },
  );
  paused.hanging = true;
  await house.raise('high', 'slow');
  subscription.pause();
  paused.release();
  await house.settle();
  b.delivery.subscribe({ level: 's3' }, other.handle, { name: 'ops' });
  await house.advance(20 * SECOND);
  t.deepEqual([paused.heard, other.heard], [['slow'], ['slow']]);
});

test('what one member gives back another gets, at the latest when it asks again', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [leaving, staying] = [new Ear(), new Ear()];
  leaving.failing = true;
  const subscription = a.delivery.subscribe({ level: 's3' }, leaving.handle, { name: 'ops' });
  await house.raise('high', 'slow');
  b.delivery.subscribe({ level: 's3' }, staying.handle, { name: 'ops' });
  await house.settle();
  await subscription.close();
  await house.advance(30 * SECOND);
  t.deepEqual(staying.heard, ['slow']);
});

test('closing waits for the handler that runs, and says that it is done', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [running, other] = [new Ear(), new Ear()];
  running.hanging = true;
  const subscription = a.delivery.subscribe({ level: 's3' }, running.handle, { name: 'ops' });
  await house.raise('high', 'slow');
  let closed = false;
  const closing = subscription.close().then(() => (closed = true));
  await house.settle();
  t.false(closed);
  t.deepEqual(a.delivery.hears(), []);
  running.release();
  await closing;
  b.delivery.subscribe({ level: 's3' }, other.handle, { name: 'ops' });
  await house.advance(60 * SECOND);
  t.deepEqual(other.heard, []);
  await a.delivery.close();
  t.throws(() => a.delivery.subscribe({}, running.handle), { instanceOf: NodeClosed });
});

test('closing ends at the latest when the time of its handlers is over', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [hanging, other] = [new Ear(), new Ear()];
  hanging.hanging = true;
  a.delivery.subscribe({ level: 's3' }, hanging.handle, { name: 'ops', timeoutMs: 5 * SECOND });
  await house.raise('high', 'slow');
  const closing = a.delivery.close();
  await house.advance(5 * SECOND);
  await closing;
  b.delivery.subscribe({ level: 's3' }, other.handle, { name: 'ops' });
  await house.settle();
  t.deepEqual(other.heard, ['slow']);
});

test('two subscriptions of one group on one node share it', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const [one, two] = [new Ear(), new Ear()];
  one.hanging = true;
  const first = a.delivery.subscribe({ level: 's3' }, one.handle);
  a.delivery.subscribe({ level: 's3' }, two.handle);
  await house.raise('high', 'first');
  await house.raise('high', 'second');
  t.deepEqual([one.heard, two.heard], [['first'], ['second']]);
  one.failing = true;
  one.release();
  await house.settle();
  await house.raise('high', 'third');
  t.deepEqual(one.heard.concat(two.heard).toSorted(), ['first', 'second', 'third']);
  await first.close();
});

test('what a node claimed before it had to rejoin is claimed anew', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [back, other] = [new Ear(), new Ear()];
  back.failing = true;
  a.delivery.subscribe({ level: 's3' }, back.handle, { name: 'ops' });
  await house.raise('high', 'slow');
  const before = a.id;
  await a.join();
  t.not(a.id, before);
  b.delivery.subscribe({ level: 's3' }, other.handle, { name: 'ops' });
  await house.settle();
  t.deepEqual(other.heard, ['slow'], 'nobody lives who has it in hand');
  back.failing = false;
  await house.advance(60 * SECOND);
  t.deepEqual(back.heard, ['slow']);
});

test('what comes together is claimed in one command, and ended in one', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  a.delivery.subscribe({}, ear.handle, { concurrency: 20 });
  await Promise.all(Array.from({ length: 20 }, (_, n) => house.raiseQuietly('high', `slow-${n}`)));
  await house.settle();
  t.is(ear.heard.length, 20);
  t.is(a.sent['claim'], 1);
  t.is(a.sent['finish'], 1);
  await house.advance(60 * SECOND);
  t.deepEqual([a.sent['claim'], a.sent['finish']], [1, 1], 'then nothing is sent');
});

test('while the store is away nothing is told twice, and nothing is lost', async (t) => {
  const { house, a, b } = await houseOf(t, 'a', 'b');
  const [ear, other] = [new Ear(), new Ear()];
  ear.hanging = true;
  a.delivery.subscribe({ level: 's3' }, ear.handle, { name: 'ops' });
  await house.raise('high', 'running');
  await house.raise('high', 'waiting');
  a.away = true;
  ear.release();
  await house.advance(20 * SECOND);
  t.deepEqual(ear.heard, ['running']);
  a.away = false;
  await house.advance(2 * SECOND);
  t.deepEqual(ear.heard, ['running', 'waiting']);
  b.delivery.subscribe({ level: 's3' }, other.handle, { name: 'ops' });
  await house.advance(60 * SECOND);
  t.deepEqual(other.heard, [], 'what was delivered meanwhile has been told to the store');
});

test('when an alert is over and archived, nothing of it is remembered; the next one of its kind is told', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  a.delivery.subscribe({ level: 's3' }, ear.handle);
  await house.raise('high', 'slow');
  await house.resolve('slow');
  await house.archive('slow');
  await house.raise('high', 'slow');
  t.deepEqual(ear.heard, ['slow', 'slow']);
});

test('pleasure comes to those who name it, at every level, once', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const [pain, pleasure] = [new Ear(), new Ear()];
  a.delivery.subscribe({}, pain.handle, { name: 'pain' });
  for (const level of ['s3', 's4', 's5'] as const)
    a.delivery.subscribe({ level, types: ['pleasure'] }, pleasure.handle);
  await house.raise('medium', 'faster', { type: 'pleasure' });
  t.deepEqual(pain.heard, []);
  t.deepEqual(pleasure.heard, ['faster', 'faster', 'faster']);
  t.deepEqual(a.delivery.hears(), ['any']);
});

test('a handler acks, resolves and escalates in the name of its group', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  a.delivery.subscribe(
    { level: 's3' },
    async (_alert, ctx) => {
      await ctx.ack();
      await ctx.ack('responding', { note: 'on my way' });
      await ctx.escalate('too big');
      await ctx.resolve();
    },
    { name: 'ops' },
  );
  await house.raise('high', 'slow');
  const id = 'id-slow';
  t.deepEqual(a.acts, [
    `ack ${id} received by ops`,
    `ack ${id} responding by ops on my way`,
    `escalate ${id} too big by ops`,
    `resolve ${id} by ops`,
  ]);
});

test('subscribers see an alert, and nothing of what the state machine remembers', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  a.delivery.subscribe({}, ear.handle);
  await house.raise('critical', 'down');
  t.like(ear.alerts[0], { kind: 'down', severity: 'critical', state: 'open' });
  for (const inner of ['tokens', 'reached', 'active', 'timer', 'bypass', 'noticed']) t.false(inner in ear.alerts[0]!);
});

test('wrong options are refused, each by its path', async (t) => {
  const { a } = await houseOf(t, 'a');
  const refused = (filter: object, target: unknown, options: object): string =>
    t.throws(() => a.delivery.subscribe(filter, target as never, options), { instanceOf: ConfigError }).message;
  const ear = new Ear();
  t.regex(refused({ level: 's2' }, ear.handle, {}), /alerts\.subscribe: filter\.level/);
  t.regex(refused({ minSeverty: 'high' }, ear.handle, {}), /minSeverty/);
  t.regex(refused({}, ear.handle, { concurrency: 0 }), /alerts\.subscribe: options\.concurrency/);
  t.regex(refused({}, { name: '', human: true, handle: ear.handle }, {}), /alerts\.subscribe: sink\.name/);
  t.regex(refused({}, undefined, {}), /give a function/);
});

test('an onlooker is told, and where it is the only one nobody is said to hear', async (t) => {
  const { house, a } = await houseOf(t, 'a');
  const ear = new Ear();
  a.delivery.subscribe({ level: 's3' }, ear.handle, { mode: 'broadcast', onlooker: true });
  t.deepEqual(a.delivery.hears(), []);
  await house.raise('high', 'seen');
  t.deepEqual(ear.heard, ['seen']);
  a.delivery.subscribe({ level: 's4' }, ear.handle);
  t.deepEqual(a.delivery.hears(), ['s4']);
});
