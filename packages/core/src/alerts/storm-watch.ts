/** Says that there is a storm, and carries out its clock. */
import type { Change, Moment } from './judgement.ts';
import type { AlertRecord } from './alert.ts';
import type { Admissions } from './admissions.ts';
import { newAlertId } from './new-id.ts';
import type { AlertPolicy } from './policy.ts';
import { STORM } from './raise-schema.ts';
import { isStorming, stormFire, stormRaise } from './storm.ts';
import type { AlertView } from './view.ts';

export interface StormWatchNeeds {
  readonly view: AlertView;
  readonly admissions: Admissions;
  readonly policy: () => AlertPolicy;
  selfId(): string;
  /** Judges the slot of the storm and carries that out; answers whether it changed anything. */
  run(judge: (before: AlertRecord | undefined, moment: Moment) => Change | undefined): Promise<boolean>;
}

export class StormWatch {
  readonly #needs: StormWatchNeeds;
  #saying = false;

  constructor(needs: StormWatchNeeds) {
    this.#needs = needs;
  }

  get storming(): boolean {
    return isStorming(this.#needs.view.get(STORM)?.record);
  }

  /** There are more new alerts than make none. */
  stormed(): void {
    if (this.#saying || this.storming) return;
    this.#saying = true;
    this.#say()
      // Whoever raises the next one too many sees it too.
      .catch(() => undefined)
      .finally(() => (this.#saying = false));
  }

  /** Carries out what is due of it; answers whether that changed anything. Rejects as the store does. */
  async fire(): Promise<boolean> {
    const { admissions, view, run } = this.#needs;
    const rate = await admissions.rate();
    return run((before, moment) => before && stormFire(before, view.all(), rate, moment));
  }

  async #say(): Promise<void> {
    const { admissions, policy, selfId, run } = this.#needs;
    // What is not written yet is not counted.
    const rate = Math.max(policy().storm.enter + 1, await admissions.rate());
    const sighting = { reporter: selfId(), rate, token: newAlertId() };
    await run((before, moment) => stormRaise(before, sighting, moment, newAlertId()));
  }
}
