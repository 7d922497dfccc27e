/**
 * Repeats of one condition, gathered: the first raise is told at once; what comes while that is under way, or shortly
 * after while the condition is known to be open, is told as one.
 */
import type { Timers } from '../ground/clock.ts';
import type { Alert, Raised } from './alert.ts';
import { merged } from './merge.ts';
import { isWorse } from './severity.ts';
import type { AlertView } from './view.ts';

/** Repeats of one condition are told this far apart, ms. */
const GATHER_MS = 200;

export interface GatheringNeeds {
  readonly view: AlertView;
  readonly timers: Timers;
  /** What is called twice for one fingerprint is carried out in that order. */
  tell(raised: Raised): Promise<Alert>;
}

interface Gathered {
  raised: Raised;
  readonly told: Promise<Alert>;
  readonly resolve: (told: Promise<Alert>) => void;
}

interface Place {
  /** Raises that are being told. */
  telling: number;
  /** On the clock's `elapsed()`, ms. */
  quietUntil: number;
  gathered: Gathered | undefined;
  cancel: (() => void) | undefined;
}

export class Gathering {
  readonly #needs: GatheringNeeds;
  /** By fingerprint: where something was told a moment ago. */
  readonly #places = new Map<string, Place>();

  constructor(needs: GatheringNeeds) {
    this.#needs = needs;
  }

  /** Resolves with the alert as it is when this raise has been told. */
  add(raised: Raised): Promise<Alert> {
    const place = this.#places.get(raised.fingerprint);
    if (place === undefined) return this.#tell(raised, this.#newPlace(raised.fingerprint));
    const { gathered } = place;
    if (gathered !== undefined) {
      const isPressing = isWorse(raised.severity, gathered.raised.severity) || raised.bypass !== gathered.raised.bypass;
      gathered.raised = merged(gathered.raised, raised);
      if (isPressing && place.telling === 0) this.flush(raised.fingerprint);
      return gathered.told;
    }
    if (place.telling === 0 && !this.#isRepeat(raised)) return this.#tell(raised, place);
    place.gathered = gather(raised);
    if (place.telling === 0) this.#rest(raised.fingerprint, place);
    return place.gathered.told;
  }

  /** Has what was gathered told now: something that comes after it is about to be. */
  flush(fingerprint: string): void {
    const place = this.#places.get(fingerprint);
    if (place?.gathered === undefined) return;
    const { raised, resolve } = place.gathered;
    place.gathered = undefined;
    resolve(this.#tell(raised, place));
  }

  /** Has everything told now. Resolves when it is. */
  async close(): Promise<void> {
    const told = [...this.#places.values()].flatMap(({ gathered }) => gathered?.told ?? []);
    for (const fingerprint of [...this.#places.keys()]) this.flush(fingerprint);
    await Promise.allSettled(told);
    for (const { cancel } of this.#places.values()) cancel?.();
    this.#places.clear();
  }

  #tell(raised: Raised, place: Place): Promise<Alert> {
    const { timers, tell } = this.#needs;
    place.cancel?.();
    place.telling += 1;
    place.quietUntil = timers.clock.elapsed() + GATHER_MS;
    const told = tell(raised);
    const end = (): void => {
      place.telling -= 1;
      if (place.telling === 0) this.#rest(raised.fingerprint, place);
    };
    told.then(end, end);
    return told;
  }

  /** Until the next is told; or, where none has come by then, forgets the place. */
  #rest(fingerprint: string, place: Place): void {
    const { timers } = this.#needs;
    place.cancel?.();
    place.cancel = timers.setTimer(Math.max(0, place.quietUntil - timers.clock.elapsed()), () => {
      if (place.gathered !== undefined) this.flush(fingerprint);
      else if (place.telling === 0) this.#places.delete(fingerprint);
    });
  }

  #isRepeat({ fingerprint, severity, bypass }: Raised): boolean {
    const known = this.#needs.view.get(fingerprint)?.record;
    if (known === undefined || (known.state !== 'open' && known.state !== 'acked')) return false;
    return !isWorse(severity, known.severity) && (known.bypass || !bypass);
  }

  #newPlace(fingerprint: string): Place {
    const place: Place = { telling: 0, quietUntil: 0, gathered: undefined, cancel: undefined };
    this.#places.set(fingerprint, place);
    return place;
  }
}

function gather(raised: Raised): Gathered {
  let resolve!: (told: Promise<Alert>) => void;
  const told = new Promise<Alert>((settle) => (resolve = settle));
  return { raised, told, resolve };
}
