/** Whether the notice of one act may go out: judged here as far as it can be, and asked of the store where it must be. */
import type { Admissions, Question } from './admissions.ts';
import { attenuate, type Attenuable, type Surroundings } from './attenuate.ts';
import type { Admission, Moment } from './judgement.ts';

export interface AdmittanceNeeds {
  readonly admissions: Admissions;
  readonly surroundings: () => Surroundings;
  readonly moment: () => Moment;
  /** So many new alerts that it is a storm. */
  readonly stormed: () => void;
}

const NOTIFY: Admission = { kind: 'notify' };

export class Admittance {
  readonly #needs: AdmittanceNeeds;
  #question: Question = {};
  #refused: Admission = NOTIFY;
  #answer: Admission | undefined;
  /** A new condition, of which a storm may be made. */
  #counts = false;

  constructor(needs: AdmittanceNeeds) {
    this.#needs = needs;
  }

  /** `ask`: `find` has to be awaited first; then it is known. */
  of(alert: Attenuable, asking: Parameters<typeof attenuate>[1]): Admission | 'ask' {
    if (this.#answer !== undefined) return this.#answer;
    const { surroundings, moment } = this.#needs;
    const judged = attenuate(alert, asking, surroundings(), moment());
    // What follows from another, and what is silenced, makes no storm.
    const mayStorm = judged.kind !== 'held' || judged.by === 'storm';
    this.#counts = asking === 'new' && alert.type === 'pain' && !alert.bypass && mayStorm;
    const fresh = this.#counts ? alert.fingerprint : undefined;
    if (judged.kind === 'held' || (judged.kind === 'notify' && fresh === undefined)) return judged;
    if (judged.kind === 'notify') this.#question = { fresh };
    else {
      this.#refused = judged.refused;
      // Five nodes that see the same ask for one place.
      this.#question = { fresh, permit: { ...judged.ask, key: `${alert.fingerprint} ${alert.severity}` } };
    }
    return 'ask';
  }

  /** Rejects as the store does. */
  async find(): Promise<void> {
    const { admissions, moment, stormed } = this.#needs;
    const { permitted, stormy } = await admissions.ask(this.#question);
    const { now, policy } = moment();
    if (stormy) {
      stormed();
      this.#answer = { kind: 'held', by: 'storm', until: now + policy.storm.calmMs };
    } else this.#answer = permitted ? NOTIFY : this.#refused;
  }

  /** The act is over. */
  settle(isBegun: boolean): void {
    if (isBegun && this.#counts) this.#needs.admissions.began();
  }
}
