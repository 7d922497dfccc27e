/** Parts of topics by themselves: what fills groups, and what opens the topics of a pattern. */
import test from 'ava';
import { pino } from 'pino';
import { wakefulTimers } from '../src/ground/clock.ts';
import { NotMember } from '../src/ground/errors.ts';
import type { Filled, Topics } from '../src/ports/topics.ts';
import { waitFor } from '../src/testing/index.ts';
import { Filling } from '../src/topics/filling.ts';
import { Patterns } from '../src/topics/patterns.ts';
import { Seats } from '../src/topics/seats.ts';

const log = pino({ level: 'silent' });

function until(what: string, holds: () => boolean): Promise<unknown> {
  return waitFor(holds, { withinMs: 10_000, what });
}

function fillingHouse() {
  const steps: ((filled: Filled) => void)[] = [];
  const closing = new AbortController();
  const topics = { fill: () => new Promise<Filled>((resolve) => steps.push(resolve)) } as unknown as Topics;
  const filling = new Filling({ topics, timers: wakefulTimers, log, signal: closing.signal });
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

function patternHouse() {
  const served = new Map<string, string>();
  const known: string[] = [];
  const broken = new Set<string>();
  let asked: (() => Promise<void>) | undefined;
  let away = 0;
  const topics = {
    attachPattern: async () => {
      const answer = [...known];
      if (away > 0) {
        away -= 1;
        throw new NotMember('node', 'not-executed');
      }
      const wait = asked;
      asked = undefined;
      await wait?.();
      return answer;
    },
    quit: () => Promise.resolve(true),
  } as unknown as Topics;
  const seats = new Seats({
    ...{ topics, log },
    serve: async ({ contract, handlers }) => {
      if (broken.has(contract.name)) throw new Error('it is broken');
      served.set(contract.mailbox, String(await handlers['message']!(undefined, {} as never)));
    },
    unserve: async (mailbox) => void served.delete(mailbox),
    serves: (mailbox) => served.has(mailbox),
  });
  const patterns = new Patterns({ topics, timers: wakefulTimers, log, seats, signal: new AbortController().signal });
  const open = (name: string): Promise<void> =>
    patterns.open('a.*', { group: 'g', schema: undefined, handler: () => name, policy: {} as never });
  /** What is asked next is answered when the caller says so. */
  const holdNext = (): (() => void) => {
    let go = (): void => undefined;
    const gone = new Promise<void>((resolve) => (go = resolve));
    asked = () => gone;
    return () => go();
  };
  const evict = (times: number): void => void (away = times);
  return { patterns, served, known, broken, open, holdNext, evict };
}

test('a topic that cannot be opened keeps none of the others of its pattern from being opened', async (t) => {
  const { patterns, served, known, broken, open } = patternHouse();
  await open('one');
  broken.add('topic.a.a');
  known.push('a.a', 'a.b');
  await patterns.tick();
  t.deepEqual([...served.keys()], ['topic.a.b@g']);
  broken.clear();
  await patterns.tick();
  t.is(served.size, 2);
});

test('what was asked for a subscription that has ended opens nothing for the one after it', async (t) => {
  const { patterns, served, known, open, holdNext } = patternHouse();
  await open('one');
  known.push('a.a');
  const answer = holdNext();
  const looked = patterns.tick();
  await patterns.close('a.*', 'g', 0);
  const answerSecond = holdNext();
  const second = open('two');
  answer();
  await looked;
  t.is(served.size, 0);
  answerSecond();
  await second;
  t.is(served.get('topic.a.a@g'), 'two');
  await patterns.close('a.*', 'g', 0);
  t.is(served.size, 0);
});

test('who subscribes to a pattern while its node joins again waits for that', async (t) => {
  const { served, known, open, evict } = patternHouse();
  known.push('a.a');
  evict(2);
  await open('one');
  t.is(served.get('topic.a.a@g'), 'one');
});
