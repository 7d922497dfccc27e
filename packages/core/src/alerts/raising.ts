/** From what a program says to what is told: parsed, qualified, gathered, and told now or as soon as it can be. */
import type { Timers } from '../ground/clock.ts';
import type { Alert, AlertType, Raised, RaiseOptions } from './alert.ts';
import { MAX_TAGS } from './bounds.ts';
import { oneOfTheCrowd } from './crowd.ts';
import { fingerprintOf } from './fingerprint.ts';
import { Gathering } from './gathering.ts';
import { alertOf } from './delivery/alert-of.ts';
import type { Desk } from './desk.ts';
import { newAlertId } from './new-id.ts';
import { Onset } from './onset.ts';
import type { AlertPolicy } from './policy.ts';
import { parseRaise } from './raise-schema.ts';
import { Ring, type RingNeeds } from './ring.ts';
import { Telling } from './telling.ts';
import type { AlertView } from './view.ts';

/** What tells one condition from another; as it was raised. */
export type ConditionFacts = Pick<RaiseOptions, 'kind' | 'service' | 'method' | 'scope' | 'perNode' | 'fingerprint'>;

export interface RaisingNeeds extends Pick<RingNeeds, 'log' | 'onLocalAlert'> {
  readonly timers: Timers;
  readonly view: AlertView;
  readonly desk: Desk;
  readonly policy: () => AlertPolicy;
  selfId(): string;
  /** Tags of a service that is served here. */
  tagsOf(service: string): readonly string[];
}

export class Raising {
  readonly #needs: RaisingNeeds;
  readonly #ring: Ring;
  readonly #telling: Telling;
  readonly #gathering: Gathering;
  readonly #onset: Onset;
  #checked = 0;
  #raised = 0;
  #kept = 0;

  constructor(needs: RaisingNeeds) {
    const { timers, log, view, desk, onLocalAlert } = needs;
    const local = (raised: Raised, id: string): Alert => alertOf(desk.local(raised, id));
    this.#needs = needs;
    this.#ring = new Ring({
      timers,
      log,
      onLocalAlert: (alert) => {
        this.#kept += 1;
        return onLocalAlert?.(alert);
      },
      tell: (untold) =>
        untold.kind === 'raise' ? desk.raise(untold.raised, untold.id) : desk.clear(untold.fingerprint),
    });
    this.#telling = new Telling({
      timers,
      ring: this.#ring,
      raise: async (raised, id) => alertOf(await desk.raise(raised, id)),
      clear: (fingerprint) => desk.clear(fingerprint),
      local,
    });
    this.#gathering = new Gathering({ view, timers, tell: (raised) => this.#telling.raise(raised) });
    this.#onset = new Onset({
      timers,
      local: (raised) => local(raised, newAlertId()),
      tell: (raised) => this.#gathering.add(raised),
    });
  }

  /** Of this node, since it began. */
  get counts(): RaiseCounts {
    const { withdrawn } = this.#onset;
    return { raised: this.#raised, withdrawn, local: this.#kept, waiting: this.#ring.size, lost: this.#ring.dropped };
  }

  /** What needs no permit is sent before this returns. Rejects only with ValidationError. */
  raise(type: AlertType, options: RaiseOptions): Promise<Alert> {
    const raised = this.#fitting(this.check(type, options));
    this.#raised += 1;
    const { onDelayMs = 0 } = options;
    const known = this.#needs.view.get(raised.fingerprint)?.record;
    const isKnown = known !== undefined && known.state !== 'resolved';
    return onDelayMs > 0 && !isKnown ? this.#onset.add(raised, onDelayMs) : this.#gathering.add(raised);
  }

  /** What may be kept has a bound; what passes everything has none. */
  #fitting(raised: Raised): Raised {
    const { view, policy, log } = this.#needs;
    const { maxLive } = policy();
    if (view.size < maxLive || raised.bypass || view.get(raised.fingerprint) !== undefined) return raised;
    const { type, severity, kind, source, message } = raised;
    log.error({ evt: 'alert_crowded', type, severity, kind, ...source, maxLive }, message);
    return oneOfTheCrowd(raised, maxLive);
  }

  /** What it says, and that it may be said. @throws ValidationError */
  check(type: AlertType, options: RaiseOptions): Raised {
    const { selfId, timers, policy } = this.#needs;
    const nodeId = selfId();
    this.#checked += 1;
    const token = `${nodeId} ${this.#checked}`;
    const place = { nodeId, now: timers.clock.now(), token, bypassKinds: policy().bypassKinds };
    const raised = parseRaise(type, options, place);
    const { service } = raised.source;
    const inherited = service === undefined ? [] : this.#needs.tagsOf(service);
    if (inherited.length === 0) return raised;
    return { ...raised, tags: [...new Set([...(raised.tags ?? []), ...inherited])].slice(0, MAX_TAGS) };
  }

  /** This node feels it no more. Costs nothing where nobody does. */
  async clear(facts: ConditionFacts): Promise<void> {
    const fingerprint = facts.fingerprint ?? fingerprintOf({ ...facts, type: 'pain', nodeId: this.#needs.selfId() });
    if (this.#onset.withdraw(fingerprint)) return;
    this.flush(fingerprint);
    const { view, desk } = this.#needs;
    const isKnown = view.get(fingerprint) !== undefined || desk.isBusy(fingerprint) || this.#ring.has(fingerprint);
    if (isKnown) await this.#telling.clear(fingerprint);
  }

  /** Has what was gathered of this condition told now: something else is about to be done to it. */
  flush(fingerprint: string): void {
    this.#gathering.flush(fingerprint);
  }

  /** The backend answers: what it was not told, it is told now. */
  beaten(): void {
    void this.#ring.flush();
  }

  async close(): Promise<void> {
    this.#onset.close();
    await this.#gathering.close();
    await this.#ring.close();
  }
}

export interface RaiseCounts {
  /** Raises, of pain and pleasure. */
  readonly raised: number;
  /** Over before they had lasted for their `onDelayMs`: never told. */
  readonly withdrawn: number;
  /** Told by the log and the hook of this node, because the backend was away. */
  readonly local: number;
  /** Kept, until the backend is back. */
  readonly waiting: number;
  /** Given up, because more had to be kept than there is room for. */
  readonly lost: number;
}
