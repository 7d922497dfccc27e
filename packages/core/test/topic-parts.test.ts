/** Parts of topics by themselves: what fills groups, and what opens the topics of a pattern. */
import test from 'ava';
import { pino } from 'pino';
import { systemTimers } from '../src/ground/clock.ts';
import type { Filled, Topics } from '../src/ports/topics.ts';
import { waitFor } from '../src/testing/index.ts';
import { Filling } from '../src/topics/filling.ts';

const log = pino({ level: 'silent' });

function until(what: string, holds: () => boolean): Promise<unknown> {
  return waitFor(holds, { withinMs: 10_000, what });
}

function fillingHouse() {
  const steps: ((filled: Filled) => void)[] = [];
  const closing = new AbortController();
  const topics = { fill: () => new Promise<Filled>((resolve) => steps.push(resolve)) } as unknown as Topics;
  const filling = new Filling({ topics, timers: systemTimers, log, signal: closing.signal });
  return { filling, steps, closing };
}

test('who waits for a group to be filled sees its end, not that of what filled it before', async (t) => {
  const { filling, steps } = fillingHouse();
  filling.begin('a', 'g');
  filling.begin('a', 'g');
  t.is(steps.length, 1, 'once at a time');
  const ends: string[] = [];
  const both = ['one', 'two'].map((name) => filling.fill('a', 'g').then(() => ends.push(name)));
  steps[0]!('done');
  await until('a step of its own', () => steps.length === 2);
  t.deepEqual(ends, []);
  steps[1]!('more');
  await until('the next', () => steps.length === 3);
  steps[2]!('done');
  await until('the other one’s', () => steps.length === 4);
  t.deepEqual(ends, ['one']);
  steps[3]!('done');
  await Promise.all(both);
});

test('who waits for a group to be filled is told when the node closes first', async (t) => {
  const { filling, steps, closing } = fillingHouse();
  const filled = filling.fill('a', 'g');
  closing.abort();
  steps[0]!('more');
  t.like(await t.throwsAsync(filled), { code: 'NODE_CLOSED', outcome: 'unknown' });
});

