/** Each check on histories made by hand: one that is right, and what it must find. */
import test from 'ava';
import type { Told } from './history.ts';
import { answers } from './checks/answers.ts';
import { appliedOnce } from './checks/applied-once.ts';
import { atLeastOnce } from './checks/at-least-once.ts';
import { check } from './checks/all.ts';
import { fence } from './checks/fence.ts';
import { keyOrder } from './checks/key-order.ts';
import { onceOnly } from './checks/once-only.ts';
import { oneAtATime } from './checks/one-at-a-time.ts';
import { names } from './checks/names.ts';
import { onwards } from './checks/onwards.ts';
import { oneEnding } from './checks/one-ending.ts';
import { oneOwner } from './checks/one-owner.ts';
import { outcomes } from './checks/outcomes.ts';
import { runs } from './checks/runs.ts';
import { settledAfterAnswer } from './checks/settled-after-answer.ts';
import { Story } from './checks/story.ts';

const A = 'a-0123456789';
const B = 'b-0123456789';

function story(...told: readonly Told[]): Story {
  return new Story(told.map((one, at) => ({ ...one, at })));
}

const cast = (op: string, more: Partial<Extract<Told, { type: 'sent' }>> = {}): Told => ({
  ...{ type: 'sent', op, kind: 'cast', by: 'a' },
  ...more,
});
const call = (op: string, more: Partial<Extract<Told, { type: 'sent' }>> = {}): Told =>
  cast(op, { kind: 'call', ...more });
const accepted = (op: string): Told => ({ type: 'accepted', op });
const answered = (op: string, run: number, byOp = op): Told => ({ type: 'answered', op, byOp, run });
const refused = (op: string, outcome: string): Told => ({ type: 'refused', op, code: 'X', outcome });
const started = (op: string, run: number, member = A, key?: string): Told => ({
  ...{ type: 'started', run, op, message: `${A}/${op}.0`, attempt: 1, member, key },
});
const done = (run: number): Told => ({ type: 'ended', run, how: 'done' });
const failed = (run: number): Told => ({ type: 'ended', run, how: 'failed' });
const gone = (member: string): Told => ({ type: 'gone', member });
const dead = (op: string): Told => ({ type: 'dead', op, reason: 'HANDLER' });
const claimed = (entry: string, member: string, op = entry, again = false): Told => ({
  ...{ type: 'claimed', entry, frame: `${A}/${op}`, member, again },
});
const settled = (entry: string, member: string, ends = true): Told => ({
  ...{ type: 'settled', entry, kind: ends ? 'done' : 'progress', result: 'settled', ends, member },
});
const wrote = (member: string, to: string): Told => ({ type: 'wrote', method: 'reply', to, member });
const state = (key: string, ...applied: string[]): Told => ({ type: 'state', key, applied });
const closing = (process: string): Told => ({ type: 'fault', kind: 'close', process });

test('what was accepted is handled or dead', (t) => {
  t.deepEqual(atLeastOnce(story(accepted('x'), started('x', 1), done(1), accepted('y'), dead('y'))), []);
  t.is(atLeastOnce(story(accepted('x'), started('x', 1), failed(1))).length, 1);
  t.is(atLeastOnce(story(accepted('x'))).length, 1);
});

test('an answer is what a run of this very call came to, and comes once', (t) => {
  const run = [call('x'), started('x', 1), done(1)];
  t.deepEqual(answers(story(...run, answered('x', 1))), []);
  t.is(answers(story(...run, call('y'), answered('y', 1, 'x'))).length, 1, 'of another call');
  t.is(answers(story(call('x'), started('x', 1), answered('x', 1), done(1))).length, 1, 'too early');
  t.is(answers(story(call('x'), started('x', 1), failed(1), answered('x', 1))).length, 1, 'it failed');
  t.is(answers(story(...run, answered('x', 1), refused('x', 'unknown'))).length, 1, 'two ends');
  const twin = [call('x', { once: 'i' }), call('y', { once: 'i' }), started('x', 1), done(1)];
  t.deepEqual(answers(story(...twin, answered('y', 1, 'x'))), [], 'the same under one id');
});

test('what is said to be not executed did not run', (t) => {
  t.deepEqual(outcomes(story(started('x', 1), refused('x', 'unknown'), refused('y', 'not-executed'))), []);
  t.is(outcomes(story(started('x', 1), refused('x', 'not-executed'))).length, 1);
});

test('a message runs again only for a reason', (t) => {
  t.deepEqual(runs(story(started('x', 1), failed(1), started('x', 2, B))), [], 'it failed');
  t.deepEqual(runs(story(started('x', 1), done(1), gone(A), started('x', 2, B))), [], 'its node was lost');
  t.deepEqual(runs(story(started('x', 1), closing('a'), started('x', 2, B))), [], 'it was handed back');
  t.deepEqual(runs(story(started('x', 1), gone(B), started('x', 2, B))), [], 'a zombie began with it');
  const twice = [started('x', 1), done(1), claimed('1', A, 'x', true), started('x', 2)];
  t.deepEqual(runs(story(...twice)), [], 'its claim was repeated');
  t.is(runs(story(started('x', 1), done(1), started('x', 2, B))).length, 1);
  t.is(runs(story(started('x', 1), gone(B), started('x', 2), failed(1))).length, 1);
});

test('who is gone neither writes, nor is given, nor settles', (t) => {
  const all = [wrote(A, B), claimed('1', A), settled('1', A)];
  t.deepEqual(fence(story(...all, gone(A))), []);
  t.is(fence(story(gone(A), ...all)).length, 3);
});

test('an entry is in one hand, and that one ends it', (t) => {
  t.deepEqual(oneEnding(story(claimed('1', A), settled('1', A, false), settled('1', A))), []);
  t.deepEqual(oneEnding(story(claimed('1', A), gone(A), claimed('1', B), settled('1', B))), []);
  t.deepEqual(oneEnding(story(claimed('1', A), claimed('1', B), gone(A))), [], 'heard a little later');
  t.is(oneEnding(story(claimed('1', A), claimed('1', B))).length, 1);
  t.is(oneEnding(story(claimed('1', A), settled('1', A), settled('1', A))).length, 1);
  t.is(oneEnding(story(claimed('1', A), gone(A), claimed('1', B), settled('1', A))).length, 1);
});

test('an entry of a partition goes with it', (t) => {
  const released: Told = { type: 'released', partition: 'p#1', member: A };
  const [first, second] = [claimed('p#1 1', A), claimed('p#1 1', B)];
  t.deepEqual(oneEnding(story(first, released, second, settled('p#1 1', B))), []);
  t.is(oneEnding(story(first, { ...released, partition: 'p#2' }, second)).length, 1);
});

test('a partition has one owner', (t) => {
  const owned = (member: string): Told => ({ type: 'owned', partition: 'p#1', member });
  t.deepEqual(oneOwner(story(owned(A), owned(A), { type: 'released', partition: 'p#1', member: A }, owned(B))), []);
  t.deepEqual(oneOwner(story(owned(A), gone(A), owned(B))), []);
  t.is(oneOwner(story(owned(A), owned(B))).length, 1);
});

test('one name, one message', (t) => {
  t.deepEqual(names(story(started('x', 1), started('x', 2))), []);
  const twin: Told = { type: 'started', run: 2, op: 'y', message: `${A}/x.0`, attempt: 1, member: A };
  t.is(names(story(started('x', 1), twin)).length, 1);
});

test('a call is settled after its answer, unless nobody waits', (t) => {
  const run = [call('x'), claimed('1', B, 'x'), started('x', 1, B), done(1)];
  t.deepEqual(settledAfterAnswer(story(...run, wrote(B, A), settled('1', B))), []);
  t.deepEqual(settledAfterAnswer(story(...run, gone(A), settled('1', B))), []);
  t.is(settledAfterAnswer(story(...run, settled('1', B), wrote(B, A))).length, 1);
  const late = [call('x', { timeoutMs: 2 }), ...run.slice(1), settled('1', B)];
  t.deepEqual(settledAfterAnswer(story(...late)), [], 'it had been given up');
  t.deepEqual(settledAfterAnswer(story(cast('x'), ...run.slice(1), settled('1', B))), [], 'a cast has no answer');
});

test('one process and one key: in the order of sending', (t) => {
  const [x, y] = [cast('x', { key: 'k', turn: 1 }), cast('y', { key: 'k', turn: 2 })];
  t.deepEqual(keyOrder(story(x, y, started('x', 1), done(1), started('y', 2), done(2))), []);
  const again = [started('x', 1), done(1), started('y', 2), gone(A), started('x', 3, B), done(3), started('y', 4, B)];
  t.deepEqual(keyOrder(story(x, y, ...again, done(4))), [], 'from the first that was left');
  t.is(keyOrder(story(x, y, started('y', 1), done(1), started('x', 2), done(2))).length, 1);
  const overtaken = [started('x', 1), failed(1), started('y', 2), done(2), started('x', 3), done(3)];
  t.is(keyOrder(story(x, y, ...overtaken)).length, 1, 'the head was retried behind the next');
  t.deepEqual(keyOrder(story(x, y, ...overtaken.slice(0, 4), dead('x'))), [], 'the head was given up');
  const elsewhere = cast('y', { key: 'other', turn: 2 });
  t.deepEqual(keyOrder(story(x, elsewhere, started('y', 1), done(1), started('x', 2), done(2))), []);
});

test('of one key one at a time', (t) => {
  t.deepEqual(oneAtATime(story(started('x', 1, A, 'k'), done(1), started('y', 2, B, 'k'))), []);
  t.deepEqual(oneAtATime(story(started('x', 1, A, 'k'), started('y', 2, B, 'l'))), []);
  t.deepEqual(oneAtATime(story(started('x', 1, A, 'k'), gone(A), started('x', 2, B, 'k'))), []);
  t.is(oneAtATime(story(started('x', 1, A, 'k'), started('y', 2, B, 'k'), done(1))).length, 1);
  t.is(oneAtATime(story(started('x', 1, A, 'k'), started('y', 2, A, 'k'))).length, 1);
  const late = [call('x', { timeoutMs: 2 }), started('x', 1, A, 'k')];
  t.deepEqual(oneAtATime(story(...late, started('y', 2, B, 'k'))), [], 'given up at its deadline');
  t.is(oneAtATime(story(...late, started('y', 2, A, 'k'))).length, 1, 'given up, and still running here');
  const again = started('x', 2, 'a-9876543210', 'k');
  t.is(oneAtATime(story(started('x', 1, A, 'k'), gone(A), again)).length, 1, 'the same process under another name');
  t.deepEqual(oneAtATime(story(started('x', 1, A, 'k'), gone(B), started('x', 2, B, 'k'))), [], 'a zombie began');
});

test('of one id one run and one answer', (t) => {
  const twins = [call('x', { once: 'i' }), call('y', { once: 'i' })];
  t.deepEqual(onceOnly(story(...twins, started('x', 1), done(1), answered('x', 1), answered('y', 1, 'x'))), []);
  t.deepEqual(onceOnly(story(...twins, started('x', 1), gone(A), started('y', 2, B), done(2))), []);
  t.is(onceOnly(story(...twins, started('x', 1), done(1), started('y', 2, B))).length, 1);
  t.is(onceOnly(story(...twins, answered('x', 1), answered('y', 2))).length, 1);
  const old = [...twins, started('x', 1), failed(1), claimed('1', A, 'x', true), started('x', 2), started('x', 3)];
  t.deepEqual(onceOnly(story(...old)), [], 'an old claim beside the redelivery');
});

test('state has every request of its key once and in order', (t) => {
  const [x, y] = [cast('x', { key: 'k', turn: 1 }), cast('y', { key: 'k', turn: 2 })];
  t.deepEqual(appliedOnce(story(x, accepted('x'), y, state('k', 'x', 'y'))), []);
  t.is(appliedOnce(story(x, y, state('k', 'x', 'y', 'x'))).length, 1, 'twice');
  t.is(appliedOnce(story(x, accepted('x'), state('k'))).length, 1, 'never');
  t.is(appliedOnce(story(x, y, state('k', 'y', 'x'))).length, 1, 'in another order');
  t.deepEqual(appliedOnce(story(x, accepted('x'), state('k'), dead('x'))), []);
});

test('what leaves with a change of state leaves once', (t) => {
  const sent = cast('x', { key: 'k', turn: 1, onward: 'x>' });
  t.deepEqual(onwards(story(sent, started('x>', 1), done(1), state('k', 'x'))), []);
  t.deepEqual(onwards(story(sent, started('x>', 1), failed(1), started('x>', 2), done(2), state('k', 'x'))), []);
  t.is(onwards(story(sent, state('k', 'x'))).length, 1, 'it never came');
  t.is(onwards(story(sent, started('x>', 1), done(1), state('k'))).length, 1, 'without the change');
  const another: Told = { type: 'started', run: 2, op: 'x>', message: `${A}/other.0`, attempt: 1, member: A };
  t.is(onwards(story(sent, started('x>', 1), done(1), another, state('k', 'x'))).length, 1, 'twice');
});

test('all checks together name the one that found it', (t) => {
  t.deepEqual(check(story(accepted('x')).history), [
    'at least once: x was accepted and neither handled nor kept as a dead letter',
  ]);
  t.deepEqual(check(story({ type: 'trouble', what: 'it hangs' }).history), ['no trouble: it hangs']);
  t.deepEqual(check([]), []);
});
