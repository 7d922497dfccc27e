import test from 'ava';
import fc from 'fast-check';
import { Cursor } from '../../src/keyed/cursor.ts';
import { Line, type KeyQueue } from '../../src/keyed/line.ts';
import { comparePositions, justBefore } from '../../src/keyed/position.ts';

interface Entry {
  readonly id: string;
  readonly keys: readonly string[];
  readonly done: Set<number>;
  readonly kept: Set<number>;
}

/** A log, its reader and its owner, driven step by step; what a message must not overtake is checked as it starts. */
class Model {
  readonly line: Line<Entry>;
  readonly ready: KeyQueue<Entry>[] = [];
  readonly running: KeyQueue<Entry>[] = [];
  readonly held: KeyQueue<Entry>[] = [];
  readonly log: Entry[] = [];
  readonly started: string[] = [];
  /** Entries that were handed over, again and again. */
  met = 0;
  #cursor: Cursor;
  #behind = '0';
  #last = 0;

  constructor(maxPerKey: number) {
    this.line = new Line<Entry>(
      {
        ready: (queue) => this.ready.push(queue),
        dropped: ({ entry, index }) => entry.kept.delete(index),
      },
      maxPerKey,
    );
    this.#cursor = new Cursor(this.line, (after) => {
      this.#behind = after;
    });
  }

  append(keys: readonly string[]): void {
    this.#last += 1;
    this.log.push({ id: String(this.#last), keys, done: new Set(), kept: new Set() });
  }

  get left(): number {
    return this.log.reduce((sum, { keys, done }) => sum + keys.length - done.size, 0);
  }

  read(count: number): void {
    if (this.line.waiting >= 1_024 && this.line.runnable > 0) return;
    const entries = this.log.filter(({ id }) => comparePositions(id, this.#behind) > 0).slice(0, count);
    const last = entries.at(-1);
    if (last === undefined) return;
    this.met += entries.length;
    this.#behind = last.id;
    this.#take(entries);
  }

  start(): void {
    const queue = this.ready.shift();
    if (queue === undefined || !queue.ready || queue.head === undefined) return;
    const { entry, index } = queue.head;
    this.line.started(queue);
    this.running.push(queue);
    const first = this.log.find(({ keys, done }) => keys.some((key, at) => key === queue.key && !done.has(at)))!;
    const at = first.keys.findIndex((key, place) => key === queue.key && !first.done.has(place));
    if (first !== entry || at !== index)
      throw new Error(`${queue.key}: ${entry.id}.${index} started before ${first.id}.${at}`);
    if (entry.done.has(index)) throw new Error(`${entry.id}.${index} started twice`);
    this.started.push(`${entry.id}.${index}`);
  }

  end(which: number): void {
    if (this.running.length === 0) return;
    const [queue] = this.running.splice(which % this.running.length, 1);
    const { entry, index } = queue!.head!;
    entry.done.add(index);
    entry.kept.delete(index);
    if (entry.done.size === entry.keys.length) this.log.splice(this.log.indexOf(entry), 1);
    this.line.ended(queue!);
    if (queue!.closed !== undefined && queue!.places.length === 0) this.#cursor.move();
  }

  fail(which: number): void {
    if (this.running.length === 0) return;
    const [queue] = this.running.splice(which % this.running.length, 1);
    this.started.pop();
    this.line.hold(queue!);
    this.held.push(queue!);
  }

  again(): void {
    const queue = this.held.shift();
    if (queue !== undefined) this.line.again(queue);
  }

  /** An entry of which nothing runs is forgotten. */
  forget(which: number): void {
    const busy = new Set([...this.running, ...this.held].map(({ head }) => head!.entry));
    const kept = this.log.filter((entry) => entry.kept.size > 0 && !busy.has(entry));
    const entry = kept[which % Math.max(1, kept.length)];
    if (entry === undefined) return;
    for (const index of [...entry.kept]) this.line.drop(entry, index, entry.keys[index]!);
  }

  look(): void {
    this.#cursor.move();
  }

  #take(entries: readonly Entry[]): void {
    this.#cursor.came();
    for (const entry of entries) {
      this.line.meet(entry.id);
      entry.keys.forEach((key, index) => {
        if (entry.done.has(index) || entry.kept.has(index)) return;
        if (this.line.admit(entry, index, key)) entry.kept.add(index);
      });
    }
    this.#cursor.move();
  }
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), n: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('start' as const, 'end' as const, 'end' as const), n: fc.nat(9) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('fail' as const, 'again' as const, 'shed' as const, 'forget' as const, 'look' as const),
      n: fc.nat(9),
    }),
  },
);

test('whatever is skipped, failed or forgotten: each key runs in the order of the log, and everything runs', (t) => {
  const { seed } = fc.readConfigureGlobal() ?? {};
  const used = seed ?? Date.now() % 2 ** 31;
  t.log(`seed ${used}`);
  let started = 0;
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 20, maxLength: 300 }),
      fc.integer({ min: 1, max: 4 }),
      (steps, maxPerKey) => {
        const model = new Model(maxPerKey);
        for (const one of steps) {
          if (one.do === 'append') model.append(one.keys);
          else if (one.do === 'read') model.read(one.n);
          else if (one.do === 'start') model.start();
          else if (one.do === 'end') model.end(one.n);
          else if (one.do === 'fail') model.fail(one.n);
          else if (one.do === 'again') model.again();
          else if (one.do === 'shed') model.line.shed();
          else if (one.do === 'forget') model.forget(one.n);
          else model.look();
        }
        for (let round = 0; model.left > 0; round += 1) {
          if (round > 5_000) throw new Error(`${model.left} messages are stuck`);
          model.read(4);
          while (model.held.length > 0) model.again();
          while (model.ready.length > 0) {
            model.start();
            started += 1;
          }
          while (model.running.length > 0) model.end(0);
          if (round % 10 === 9) model.look();
        }
        if (model.line.keys > 4) throw new Error('keys are left over');
        return true;
      },
    ),
    { seed: used, numRuns: 2_000, includeErrorInReport: true },
  );
  t.true(started > 2_000, `${started} messages were started`);
});

test('behind a key that is blocked nothing of it stays in memory, and others go on', (t) => {
  const model = new Model(256);
  model.append(['blocked']);
  model.read(1);
  model.start();
  model.fail(0);
  for (let at = 0; at < 5_000; at += 1) model.append(['blocked', `other-${at % 7}`]);
  let most = 0;
  for (let round = 0; round < 2_000; round += 1) {
    model.read(16);
    while (model.ready.length > 0) model.start();
    most = Math.max(most, model.line.find('blocked')!.places.length);
    while (model.running.length > 0) model.end(0);
  }
  t.is(model.left, 5_001, 'all others are done');
  t.is(most, 1);
  model.again();
  const before = model.met;
  for (let round = 0; model.left > 0 && round < 20_000; round += 1) {
    while (model.ready.length > 0) model.start();
    while (model.running.length > 0) model.end(0);
    model.read(16);
  }
  t.is(model.left, 0);
  t.true(model.met - before < 3 * 5_001, `${model.met - before} entries read for 5,000`);
});

test('positions are compared as the backends make them', (t) => {
  t.true(comparePositions('9', '10') < 0);
  t.true(comparePositions('1700000000000-9', '1700000000000-10') < 0);
  t.true(comparePositions('1700000000001-0', '1700000000000-18446744073709551615') > 0);
  t.is(comparePositions('5-1', '5-1'), 0);
  for (const id of ['1', '12', '5-0', '5-1', '1700000000000-18446744073709551615'])
    t.true(comparePositions(justBefore(id), id) < 0, id);
});
