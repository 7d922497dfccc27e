/** Whatever happens to an alert, in whatever order. */
import fc from 'fast-check';
import test, { type ExecutionContext } from 'ava';
import type { AlertRecord, HeldBy, Raised, Severity } from '../../src/alerts/alert.ts';
import { parseRecord } from '../../src/alerts/alert-schema.ts';
import type { Admission, Change } from '../../src/alerts/judgement.ts';
import { LEVELS } from '../../src/alerts/levels.ts';
import { DEFAULT_ALERT_POLICY, policyFor } from '../../src/alerts/policy.ts';
import { isWorse } from '../../src/alerts/severity.ts';
import {
  ack,
  clear,
  escalate,
  fire,
  fireWantsAdmission,
  raise,
  release,
  resolve,
  wantsAdmission,
} from '../../src/alerts/transitions.ts';
import { begun, HOUR, kept, MINUTE, momentAt, NOTIFY, raisedOf, SECOND, START } from './judging.ts';

type Happening =
  | {
      readonly what: 'raise';
      readonly severity: Severity;
      readonly by: string;
      readonly held: HeldBy | undefined;
      readonly count: number;
      readonly again: boolean;
      readonly pleasure: boolean;
      readonly bypass: boolean;
    }
  | { readonly what: 'clear'; readonly by: string }
  | { readonly what: 'ack'; readonly etaMs: number | undefined }
  | { readonly what: 'resolve'; readonly falseAlarm: boolean }
  | { readonly what: 'escalate' }
  | { readonly what: 'release'; readonly held: HeldBy | undefined }
  | { readonly what: 'wait'; readonly ms: number; readonly held: HeldBy | undefined };

const held = fc.constantFrom<(HeldBy | undefined)[]>(undefined, undefined, 'limit', 'inhibition', 'storm', 'silence');
const by = fc.constantFrom('n1', 'n2', 'n3');

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('raise' as const),
      severity: fc.constantFrom<Severity[]>('critical', 'high', 'medium', 'low'),
      by,
      held,
      count: fc.integer({ min: 1, max: 5 }),
      again: fc.boolean(),
      pleasure: fc.nat(9).map((n) => n === 0),
      bypass: fc.nat(9).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('clear' as const), by }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('ack' as const),
      etaMs: fc.option(fc.integer({ min: -MINUTE, max: HOUR }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('resolve' as const), falseAlarm: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ what: 'escalate' as const }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('release' as const), held }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('wait' as const),
      ms: fc.constantFrom(1, SECOND, 20 * SECOND, MINUTE, 4 * MINUTE, 6 * MINUTE, HOUR),
      held,
    }),
  },
);

interface Step {
  readonly before: AlertRecord | undefined;
  readonly change: Change;
  readonly after: AlertRecord | undefined;
  readonly raised?: Raised | undefined;
  readonly admission: Admission;
  readonly ignored: boolean;
  readonly asked: boolean;
}

/** Everything that happened, one step after the other. */
function history(happenings: readonly Happening[]): readonly Step[] {
  let record: AlertRecord | undefined;
  let afterMs = 0;
  let last: Raised | undefined;
  const steps: Step[] = [];
  const admissionOf = (heldBy: HeldBy | undefined): Admission =>
    heldBy === undefined ? NOTIFY : { kind: 'held', by: heldBy, until: START + afterMs + MINUTE };
  const take = (change: Change | undefined, admission: Admission, more: Partial<Step> = {}): void => {
    if (change === undefined) return;
    steps.push({ before: record, change, after: change.record, admission, ignored: false, asked: true, ...more });
    record = change.record;
  };
  for (const [n, happens] of happenings.entries()) {
    const moment = momentAt(afterMs, 'by' in happens ? happens.by : 'ada');
    switch (happens.what) {
      case 'raise': {
        const { severity, held: heldBy, count, pleasure } = happens;
        const bypass = !pleasure && (happens.bypass || severity === 'critical');
        const type = pleasure ? ('pleasure' as const) : ('pain' as const);
        const fresh = raisedOf(severity, { reporter: happens.by, count, bypass, type, at: START + afterMs });
        const raised = happens.again && last !== undefined ? last : fresh;
        last = raised;
        const ignored =
          record !== undefined &&
          (record.tokens.includes(raised.token) || (record.type === 'pain' && raised.type === 'pleasure'));
        const asked = wantsAdmission(record, raised, moment) !== undefined;
        const admission = admissionOf(heldBy);
        take(raise(record, raised, admission, moment, `a${n}`), admission, { raised, ignored, asked });
        break;
      }
      case 'clear':
        take(record && clear(record, [happens.by], moment), NOTIFY);
        break;
      case 'ack':
        take(
          record && ack(record, { eta: happens.etaMs === undefined ? undefined : moment.now + happens.etaMs }, moment),
          NOTIFY,
        );
        break;
      case 'resolve':
        take(record && resolve(record, { falseAlarm: happens.falseAlarm, note: 'x'.repeat(5_000) }, moment), NOTIFY);
        break;
      case 'escalate':
        take(record && escalate(record, 'now', moment), NOTIFY);
        break;
      case 'release':
        take(record && release(record, moment, admissionOf(happens.held)), admissionOf(happens.held));
        break;
      case 'wait': {
        const until = afterMs + happens.ms;
        for (let turns = 0; record?.dueAt !== undefined && record.dueAt <= START + until && turns < 500; turns += 1) {
          afterMs = Math.max(afterMs, record.dueAt - START);
          const admission = admissionOf(happens.held);
          const asked = fireWantsAdmission(record, momentAt(afterMs)) !== undefined;
          const change = fire(record, momentAt(afterMs, 'clock'), admission);
          if (change === undefined) throw new Error(`${record.timer} was due, and nothing came of it`);
          take(change, admission, { asked });
        }
        afterMs = until;
      }
    }
  }
  return steps;
}

/**
 * `holds` answers undefined for a step that it says nothing of. Of the others there must be `least` in all histories
 * together: a property that is never put to the test holds, too.
 */
function always(t: ExecutionContext, least: number, holds: (step: Step) => boolean | undefined, runs = 1_000): void {
  let checked = 0;
  const histories = fc.property(fc.array(happening, { maxLength: 40, size: 'max' }), (happenings) => {
    for (const step of history(happenings)) {
      const verdict = holds(step);
      if (verdict === false) throw new Error(JSON.stringify(step, undefined, 1));
      if (verdict !== undefined) checked += 1;
    }
  });
  t.notThrows(() => fc.assert(histories, { numRuns: runs }));
  t.true(checked >= least, `it was put to the test ${checked} times`);
}

const isOver = (record: AlertRecord | undefined): boolean => record === undefined || record.state === 'resolved';

test('while it is not over, neither its level nor its severity ever falls', (t) => {
  always(t, 15_000, ({ before, after }) => {
    if (before === undefined || after === undefined || isOver(before) || before.id !== after.id) return undefined;
    return LEVELS.indexOf(after.level) >= LEVELS.indexOf(before.level) && !isWorse(before.severity, after.severity);
  });
});

test('what is critical, or an emergency, is never held back but by a silence', (t) => {
  always(t, 12_000, ({ after }) => {
    if (after === undefined || !after.bypass) return undefined;
    return after.held === undefined || after.held.by === 'silence';
  });
  always(t, 200, ({ before, after, raised, admission, ignored }) => {
    const isNews = raised?.bypass === true && !ignored && (isOver(before) || before?.type === 'pleasure');
    const mayBeHeld = admission.kind === 'held' && admission.by === 'silence';
    if (!isNews || mayBeHeld) return undefined;
    return after?.level === 's5' && after.noticed > (before?.id === after.id ? before.noticed : 0);
  });
});

test('each raise counts once, and none is lost', (t) => {
  always(t, 2_500, ({ before, after, raised, ignored }) => {
    if (raised === undefined) return undefined;
    if (ignored) return after === before;
    const known = before !== undefined && before.id === after?.id ? before.count : 0;
    return after?.count === known + raised.count && after.reporters.includes(raised.reporter);
  });
  always(t, 14_000, ({ before, after, raised }) => {
    if (raised !== undefined || before === undefined || after === undefined) return undefined;
    return before.count === after.count;
  });
});

test('what is raised is open; what leaves its slot is archived, as it was', (t) => {
  always(t, 1_300, ({ after, raised, ignored }) => {
    if (raised === undefined || ignored || raised.type !== 'pain') return undefined;
    return after?.state === 'open' || after?.state === 'acked';
  });
  always(t, 250, ({ before, change, after }) => {
    const left = before !== undefined && before.id !== after?.id;
    if (!left) return change.archived === undefined ? undefined : false;
    return change.archived?.id === before.id && change.archived.state === 'resolved';
  });
});

test('what is resolved has a clock that ends it', (t) => {
  always(t, 800, ({ after }) => {
    if (after?.state !== 'resolved') return undefined;
    return after.timer === 'expire' && after.dueAt !== undefined;
  });
});

test('what is open has a clock, unless everybody was told as often as the policy says', (t) => {
  always(t, 15_000, ({ after }) => (after?.timer === undefined ? undefined : after.dueAt !== undefined));
  always(t, 20, ({ after }) => {
    if (after === undefined || after.timer !== undefined) return undefined;
    const { maxRepeats, repeatMs } = policyFor(after, DEFAULT_ALERT_POLICY);
    return (
      after.level === 's5' && after.state === 'open' && (repeatMs === 0 || after.repeats >= (maxRepeats ?? Infinity))
    );
  });
});

test('a notice that was not asked for is never given by a raise or the clock', (t) => {
  always(t, 1_400, ({ before, after, asked }) => {
    if (asked || after === undefined) return undefined;
    return after.noticed === (before?.id === after.id ? before.noticed : 0);
  });
});

test('what is held back was counted, and is asked about again', (t) => {
  always(t, 3_500, ({ after }) => {
    if (after?.held === undefined) return undefined;
    return (after.attenuated[after.held.by] ?? 0) > 0 && (after.timer === 'hold' || after.timer === 'flap');
  });
});

test('the numbers of notices only grow, and each level knows its last', (t) => {
  always(t, 16_000, ({ before, after }) => {
    if (after === undefined) return undefined;
    const isSame = before?.id === after.id;
    const numbers = after.notices.map(({ n }) => n);
    return (
      (!isSame || after.noticed >= before.noticed) &&
      numbers.every((n, i) => i === 0 || n === (numbers[i - 1] ?? 0) + 1) &&
      (numbers.at(-1) ?? 0) === after.noticed &&
      Object.values(after.reached).every((n) => n >= 1 && n <= after.noticed)
    );
  });
});

test('every record, and every archived one, can be read again', (t) => {
  const readable = ({ change }: Step): boolean | undefined => {
    const records = [change.record, change.archived].filter((record) => record !== undefined);
    if (records.length === 0) return undefined;
    return records.every((record) => parseRecord(JSON.parse(JSON.stringify(record))) !== undefined);
  };
  always(t, 5_000, readable, 300);
});

test('however much happens, a record stays below 16 KiB', (t) => {
  let record = begun('high', { message: 'x'.repeat(2_000) });
  for (let n = 0; n < 500; n += 1) {
    const reporter = `node-${n}-with-a-rather-long-name`;
    const moment = momentAt(n * SECOND, reporter);
    const metrics = Object.fromEntries(Array.from({ length: 32 }, (_, m) => [`metric-${m}`, m * 1.5]));
    record = kept(
      raise(
        record,
        raisedOf('high', { reporter, metrics, message: 'y'.repeat(2_000), at: moment.now }),
        NOTIFY,
        moment,
        'x',
      ),
    );
    record = kept(ack(record, { note: 'looking into it' }, moment));
    record = kept(escalate(record, 'still there', moment));
  }
  t.is(record.count, 501);
  t.like(record, { reporters: { length: 64 }, active: { length: 64 }, history: { length: 64 } });
  t.like(record, { notices: { length: 16 }, tokens: { length: 16 } });
  const bytes = Buffer.byteLength(JSON.stringify(record));
  t.true(bytes < 16 * 1_024, `${bytes} bytes`);
});

test('a hundred thousand raises of one condition cost one notice a level', (t) => {
  let record = begun('high');
  for (let n = 1; n < 100_000; n += 1) {
    record = kept(raise(record, raisedOf('high', { reporter: `n${n % 5}` }), NOTIFY, momentAt(n / 100), 'x'));
  }
  t.like(record, { count: 100_000, noticed: 1, attenuated: { duplicate: 99_999 } });
  t.is(record.reporters.length, 5);
});
