/**
 * Where what happens to alerts is judged and carried out: for one fingerprint one thing at a time, in the order in which
 * it came.
 */
import type { Clock } from '../ground/clock.ts';
import { AlertNotFound } from '../ground/errors.ts';
import type { AlertEvent, AlertRecord, Raised } from './alert.ts';
import { Admissions } from './admissions.ts';
import { Admittance, type AdmittanceNeeds } from './admittance.ts';
import type { Surroundings } from './attenuate.ts';
import { Commits, type Act, type CommitsNeeds, type Outcome } from './commits.ts';
import type { Admission, Change, Moment } from './judgement.ts';
import { OneByOne } from './one-by-one.ts';
import type { AlertPolicy } from './policy.ts';
import { STORM } from './raise-schema.ts';
import type { Silence } from './silence.ts';
import { StormWatch } from './storm-watch.ts';
import { alreadyTold, clear, fire, fireWantsAdmission, raise, release, wantsAdmission } from './transitions.ts';
import type { ViewEntry } from './view.ts';

export interface DeskNeeds extends Omit<CommitsNeeds, 'keepMs'> {
  readonly policy: () => AlertPolicy;
  readonly silences: () => Iterable<Silence>;
  selfId(): string;
  /** Those of these nodes (ids) that are no members. */
  gone(nodeIds: readonly string[]): readonly string[];
}

/** What somebody does to an alert. Undefined: there is nothing to do. */
export type Verb = (before: AlertRecord, moment: Moment) => Change | undefined;

export interface Acted {
  readonly record: AlertRecord;
  readonly changed: boolean;
}

type Judge = (before: AlertRecord | undefined, admittance: Admittance, moment: Moment) => Change | 'ask' | undefined;
type Done = Outcome & { readonly kind: 'done' };

const NOTIFY: Admission = { kind: 'notify' };

export class Desk {
  readonly #needs: DeskNeeds;
  readonly #clock: Clock;
  readonly #commits: Commits;
  readonly #admissions: Admissions;
  readonly #admittance: AdmittanceNeeds;
  /** By fingerprint. */
  readonly #lanes = new OneByOne();
  readonly #storms: StormWatch;

  constructor(needs: DeskNeeds) {
    const { store, view, timers, policy } = needs;
    this.#needs = needs;
    this.#clock = timers.clock;
    this.#commits = new Commits({ ...needs, keepMs: () => policy().retentionMs });
    this.#admissions = new Admissions({ store, clock: timers.clock, policy });
    this.#storms = new StormWatch({
      ...{ view, policy, admissions: this.#admissions },
      selfId: () => needs.selfId(),
      run: async (judge) => {
        const { event } = await this.#run(STORM, true, (before, _admittance, moment) => judge(before, moment));
        return event !== undefined;
      },
    });
    this.#admittance = {
      admissions: this.#admissions,
      surroundings: () => this.#surroundings(),
      moment: () => this.#moment(),
      stormed: () => this.#storms.stormed(),
    };
  }

  /** Something is under way there. */
  isBusy(fingerprint: string): boolean {
    return this.#lanes.has(fingerprint);
  }

  /**
   * What needs no permit is sent before this returns, if nothing is under way there. Rejects as the store does.
   * @param id of the alert that begins here, if one does.
   */
  async raise(raised: Raised, id: string): Promise<AlertRecord> {
    const { record } = await this.#run(raised.fingerprint, raised.bypass, (before, admittance, moment) => {
      if (before !== undefined && alreadyTold(before, raised.token)) return undefined;
      const asking = wantsAdmission(before, raised, moment);
      const subject = { ...raised, bypass: raised.bypass || before?.bypass === true };
      const admission = asking === undefined ? NOTIFY : admittance.of(subject, asking);
      if (admission === 'ask') return 'ask';
      const change = raise(before, raised, admission, moment, id);
      return change.record === before ? undefined : change;
    });
    return record ?? this.local(raised, id);
  }

  /** What it would be, as far as this node knows. Nothing is written. */
  local(raised: Raised, id: string): AlertRecord {
    const before = this.#needs.view.get(raised.fingerprint)?.record;
    const { record } = raise(before, raised, NOTIFY, this.#moment(), id);
    if (record === undefined) throw new TypeError('a raise leaves a record');
    return record;
  }

  /** This node feels it no more. Rejects as the store does. */
  async clear(fingerprint: string): Promise<void> {
    await this.#run(fingerprint, false, (before, _admittance, moment) => {
      if (before === undefined) return undefined;
      return clear(before, [this.#needs.selfId(), ...this.#needs.gone(before.active)], moment);
    });
  }

  /**
   * Somebody does something to this alert. Answers what it is then, and whether that changed anything.
   * @throws AlertNotFound when its slot holds another one, or none; and as the store does.
   */
  async act(known: ViewEntry, by: string, verb: Verb): Promise<Acted> {
    const { fingerprint, id } = known.record;
    const judge: Judge = (before, _admittance, moment) => {
      if (before?.id !== id) throw new AlertNotFound(id);
      return verb(before, { ...moment, by });
    };
    const { record, event } = await this.#run(fingerprint, false, judge, known);
    if (record === undefined) throw new AlertNotFound(id);
    return { record, changed: event !== undefined };
  }

  /** Carries out what is due; answers whether that changed anything. Rejects as the store does. */
  async fire(fingerprint: string): Promise<boolean> {
    if (fingerprint === STORM && this.#storms.storming) return this.#storms.fire();
    const known = this.#needs.view.get(fingerprint)?.record;
    const { event } = await this.#run(fingerprint, known?.bypass === true, (before, admittance, moment) => {
      if (before === undefined) return undefined;
      const admission = fireWantsAdmission(before, moment) ? admittance.of(before, askingOf(before)) : NOTIFY;
      return admission === 'ask' ? 'ask' : fire(before, moment, admission);
    });
    return event !== undefined;
  }

  /** What held it back is over: it is asked again whether it may be told. Rejects as the store does. */
  async release(fingerprint: string): Promise<void> {
    await this.#run(fingerprint, false, (before, admittance, moment) => {
      if (before?.held === undefined || before.state === 'resolved') return undefined;
      const admission = admittance.of(before, askingOf(before));
      return admission === 'ask' ? 'ask' : release(before, moment, admission);
    });
  }

  /** The store has lost this alert: it is put back as this node knows it. Rejects as the store does. */
  async restore(record: AlertRecord): Promise<void> {
    await this.#run(record.fingerprint, record.bypass, (before) =>
      before === undefined ? { record, event: 'changed' } : undefined,
    );
  }

  #run(fingerprint: string, urgent: boolean, judge: Judge, read?: ViewEntry): Promise<Done> {
    return this.#lanes.run(fingerprint, () => this.#carryOut(fingerprint, urgent, judge, read));
  }

  async #carryOut(fingerprint: string, urgent: boolean, judge: Judge, read?: ViewEntry): Promise<Done> {
    const admittance = new Admittance(this.#admittance);
    const act: Act = { fingerprint, urgent, read, judge: (before) => judge(before, admittance, this.#moment()) };
    let event: AlertEvent | undefined;
    try {
      for (;;) {
        const outcome = await this.#commits.carryOut(act);
        if (outcome.kind === 'done') {
          ({ event } = outcome);
          return outcome;
        }
        await admittance.find();
      }
    } finally {
      admittance.settle(event === 'raised');
    }
  }

  #surroundings(): Surroundings {
    const { view, silences } = this.#needs;
    return {
      silences: silences(),
      find: (reference) => view.byId(reference) ?? view.get(reference)?.record,
      live: view.all(),
      storming: this.#storms.storming,
    };
  }

  #moment(): Moment {
    return { now: this.#clock.now(), policy: this.#needs.policy(), by: this.#needs.selfId() };
  }
}

/** What was told once has had its place within the limit. */
function askingOf({ noticed }: AlertRecord): 'told' | 'known' {
  return noticed > 0 ? 'told' : 'known';
}
