/** Counts on the alerts themselves what a subscriber's flood limit keeps back: gathered, since nobody waits for it. */
import type { Timers } from '../ground/clock.ts';
import type { AlertRecord } from './alert.ts';
import type { Desk } from './desk.ts';
import { withAttenuated } from './transitions/record.ts';
import type { AlertView } from './view.ts';

/** Counts are written this far apart, ms. */
const GATHER_MS = 1_000;

export interface FloodingNeeds {
  readonly desk: Desk;
  readonly view: AlertView;
  readonly timers: Timers;
  selfId(): string;
}

export class Flooding {
  readonly #needs: FloodingNeeds;
  /** Id of the alert → notices. */
  #counts = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(needs: FloodingNeeds) {
    this.#needs = needs;
  }

  count(alertId: string): void {
    this.#counts.set(alertId, (this.#counts.get(alertId) ?? 0) + 1);
    this.#cancel ??= this.#needs.timers.setTimer(GATHER_MS, () => this.#write());
  }

  close(): void {
    this.#cancel?.();
    this.#counts.clear();
  }

  #write(): void {
    const { view, desk, selfId } = this.#needs;
    const counts = this.#counts;
    this.#counts = new Map();
    this.#cancel = undefined;
    for (const [id, count] of counts) {
      const known = view.find(id);
      if (known === undefined) continue;
      const flooded = (before: AlertRecord): AlertRecord => withAttenuated(before, 'flood', count);
      // A count that is lost misleads nobody.
      desk.act(known, selfId(), (before) => ({ record: flooded(before), event: 'changed' })).catch(() => undefined);
    }
  }
}
