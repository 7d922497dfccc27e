import fc from 'fast-check';
import test from 'ava';
import type { Desk } from '../../src/limits/desk.ts';
import type { Places } from '../../src/limits/place.ts';
import { fairShare } from '../../src/limits/places.ts';
import type { Turn } from '../../src/limits/turn.ts';
import { House } from './house.ts';

test('equal parts, and what one does not want is the others’; all of it is given', (t) => {
  const seed = Date.now() & 0xffff;
  t.log({ seed });
  const wishes = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), wishes, fc.integer({ min: 0, max: 9 }), (max, all, turn) => {
      const stakes = all.map((wished, index) => ({ id: `n${index}`, held: 0, wished }));
      const parts = stakes.map(({ id }) => fairShare(max, stakes, id, turn));
      const sum = parts.reduce((a, b) => a + b, 0);
      const wanted = all.reduce((a, b) => a + b, 0);
      const unmet = parts.filter((part, index) => part < all[index]!);
      return (
        sum === Math.min(max, wanted) &&
        parts.every((part, index) => part <= all[index]!) &&
        // Nobody who wants more has two fewer than anybody else.
        unmet.every((part) => part >= Math.max(...parts) - 1)
      );
    }),
    { seed },
  );
  t.deepEqual(
    [0, 1, 2, 3].map((turn) => fairShare(1, [stake('a'), stake('b'), stake('c')], 'b', turn)),
    [0, 0, 1, 0],
    'what cannot be divided goes round',
  );
});

function stake(id: string): { id: string; held: number; wished: number } {
  return { id, held: 0, wished: 1 };
}

/** Work that takes 100 ms each, at several nodes; counts what runs. */
class Works {
  running = 0;
  most = 0;
  readonly done: Record<string, number> = {};
  readonly #house: House;

  constructor(house: House) {
    this.#house = house;
  }

  add(id: string, desk: Desk, times: number, max: number): void {
    for (let n = 0; n < times; n += 1) {
      const places = desk.places('m', max);
      const run = (): void => {
        this.running += 1;
        this.most = Math.max(this.most, this.running);
        this.#house.clock.setTimer(100, () => {
          this.running -= 1;
          this.done[id] = (this.done[id] ?? 0) + 1;
          places.leave();
        });
      };
      if (places.enter(this.#house.waiter((turn) => turn.kind === 'go' && run()))) run();
    }
  }
}

test('never more at once than there are places, and each node has its part', async (t) => {
  const house = new House();
  const works = new Works(house);
  const desks = ['a', 'b', 'c'].map((id) => [id, house.desk(id)] as const);
  for (const [id, desk] of desks) works.add(id, desk, 300, 6);
  await house.clock.advance(5_000);
  t.is(works.most, 6);
  const done = desks.map(([id]) => works.done[id] ?? 0);
  t.true(Math.min(...done) > 70, `by node: ${done.join()}`);
  t.true(done.reduce((a, b) => a + b) > 250, 'and no place stays empty for long');
});

test('a single place goes round, and nobody starves', async (t) => {
  const house = new House();
  const works = new Works(house);
  const desks = ['a', 'b', 'c'].map((id) => [id, house.desk(id)] as const);
  for (const [id, desk] of desks) works.add(id, desk, 100, 1);
  await house.clock.advance(9_000);
  t.is(works.most, 1);
  for (const [id] of desks) t.true((works.done[id] ?? 0) > 10, `${id}: ${works.done[id]}`);
});

test('one message after the other costs no question as long as places are kept', async (t) => {
  const house = new House();
  const desk = house.desk('a');
  const places = desk.places('m', 4);
  places.enter(house.waiter(() => undefined));
  await house.clock.advance(0);
  const { asked } = house;
  for (let n = 0; n < 10; n += 1) {
    places.leave();
    t.true(places.enter(house.waiter(() => undefined)) || n === 0);
  }
  t.is(house.asked, asked);
  places.leave();
  await house.clock.advance(100);
  t.is(house.clock.pending, 0, 'what is not needed is given back, and nothing is asked any more');
});

test('who cannot wait in hand comes back one after the other; too late is said at once', async (t) => {
  const house = new House();
  const turns: Turn[] = [];
  const places = house.desk('a', { most: 0 }).places('m', 1);
  for (let n = 0; n < 8; n += 1) places.enter(house.waiter((turn) => turns.push(turn)));
  places.enter(house.waiter((turn) => turns.push(turn), { until: house.clock.elapsed() + 60 }));
  t.deepEqual(
    turns.map((turn) => (turn.kind === 'later' ? turn.delayMs : turn.kind)),
    [50, 60, 70, 80, 90, 100, 110, 120, 'never'],
  );
});

test('what is being given back is not used meanwhile', async (t) => {
  const house = new House();
  const [a, b] = ['a', 'b'].map((id) => house.desk(id).places('m', 2)) as [Places, Places];
  const waiter = house.waiter(() => undefined);
  a.enter(waiter);
  await house.clock.advance(0);
  a.leave();
  const answer = house.hold();
  await house.clock.advance(30);
  t.is(house.asked, 2, 'it is on its way');
  const entered = a.enter(waiter);
  answer();
  await house.clock.advance(0);
  let running = entered ? 1 : 0;
  for (let n = 0; n < 2; n += 1) b.enter(house.waiter(() => (running += 1)));
  await house.clock.advance(10);
  t.true(running <= 2, `${running} at once of 2`);
});

test('what runs on when its actor is served no more gives its place back when it ends', async (t) => {
  const house = new House();
  const [first, second] = [house.desk('a'), house.desk('b')];
  const places = first.places('m', 1);
  places.enter(house.waiter(() => undefined));
  await house.clock.advance(0);
  first.close();
  let turns = 0;
  second.places('m', 1).enter(house.waiter(() => (turns += 1)));
  await house.clock.advance(1_000);
  t.is(turns, 0, 'it still runs');
  places.leave();
  await house.clock.advance(1_000);
  t.is(turns, 1);
});

test('who is told that it is no member has no places any more', async (t) => {
  const house = new House();
  const places = house.desk('a').places('m', 1);
  const other = house.desk('b').places('m', 1);
  places.enter(house.waiter(() => undefined));
  await house.clock.advance(0);
  house.members.delete('a');
  await house.clock.advance(1_500);
  let turns = 0;
  other.enter(house.waiter(() => (turns += 1)));
  await house.clock.advance(100);
  t.is(turns, 1, 'the place of who is no member');
  places.leave();
  house.members.add('a');
  t.false(places.enter(house.waiter(() => undefined)), 'it has to ask');
});

test('a limit of which nobody had a place is forgotten once those that were sent away are back', async (t) => {
  const house = new House();
  const desk = house.desk('a', { most: 0 });
  for (let n = 0; n < 50; n += 1) desk.places(`m/${n}`, 1).enter(house.waiter(() => undefined));
  await house.clock.advance(60_000);
  const known: string[] = [];
  desk.changed(
    () => undefined,
    (name) => void known.push(name),
  );
  t.deepEqual(known, []);
  t.is(house.clock.pending, 0);
});

test('while there is nobody to ask a node uses what it has, and no more', async (t) => {
  const house = new House();
  const works = new Works(house);
  const desk = house.desk('a');
  works.add('a', desk, 20, 3);
  await house.clock.advance(50);
  house.away = true;
  await house.clock.advance(2_000);
  t.is(works.most, 3);
  t.is(works.done['a'], 20);
  works.add('a', desk, 1, 3);
  house.away = false;
  await house.clock.advance(2_000);
  t.is(works.done['a'], 21);
});
