import type { AlertSlot, AlertStore, CommitResult, SlotChange } from '../../ports/alerts.ts';
import type { NewsItem } from '../../ports/membership.ts';
import type { Clock } from '../../ground/clock.ts';
import { AlertClaims } from './alert-claims.ts';
import { AlertWindows } from './alert-windows.ts';

interface Slot {
  readonly revision: number;
  readonly alertId: string;
  readonly body: unknown;
}

interface Archived {
  readonly endedAt: number;
  readonly body: unknown;
}

type Answer<Method extends keyof AlertStore> = Awaited<ReturnType<AlertStore[Method]>>;

/** The alerts of a world. Each change is an item of the log. */
export class AlertBook {
  readonly claims: AlertClaims;
  readonly windows: AlertWindows = new AlertWindows();
  /** The last item of the log. */
  seq = 0;
  readonly #clock: Clock;
  readonly #tell: (item: NewsItem) => void;
  readonly #slots = new Map<string, Slot>();
  /** Fingerprint → when somebody has to look at it, ms. */
  readonly #due = new Map<string, number>();
  /** The latest end first. */
  #archive: readonly Archived[] = [];

  constructor(clock: Clock, tell: (item: NewsItem) => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.claims = new AlertClaims(clock);
  }

  commit(change: SlotChange): CommitResult {
    const { fingerprint, expected, alertId, dueAt } = change;
    const before = this.#slots.get(fingerprint);
    if ((before?.revision ?? 0) !== expected) {
      return { kind: 'conflict', slot: before === undefined ? undefined : toSlot(fingerprint, before) };
    }
    this.seq += 1;
    // No slot has changed more often than the log has grown: whoever judged by a former filling meets a conflict.
    const revision = before === undefined ? this.seq : before.revision + 1;
    const body = structuredClone(change.body);
    if (body === undefined) this.#slots.delete(fingerprint);
    else this.#slots.set(fingerprint, { revision, alertId, body });
    if (before !== undefined && (body === undefined || before.alertId !== alertId)) this.claims.forget(before.alertId);
    if (body === undefined || dueAt === undefined) this.#due.delete(fingerprint);
    else this.#due.set(fingerprint, dueAt);
    if (change.archive !== undefined) this.#keep(change.archive);
    const told = body === undefined ? { revision } : { revision, body };
    this.#tell({ seq: this.seq, kind: change.event, id: fingerprint, body: told });
    return { kind: 'committed', revision };
  }

  live(): Answer<'live'> {
    return { slots: [...this.#slots].map(([fingerprint, slot]) => toSlot(fingerprint, slot)), seq: this.seq };
  }

  due(now: number, limit: number): Answer<'due'> {
    const timers = [...this.#due].toSorted(([, a], [, b]) => a - b);
    const waiting = timers.findIndex(([, at]) => at > now);
    const taken = Math.min(limit, waiting === -1 ? timers.length : waiting);
    return { fingerprints: timers.slice(0, taken).map(([fingerprint]) => fingerprint), nextAt: timers[taken]?.[1] };
  }

  archived({ from, to, limit }: Parameters<AlertStore['archived']>[0]): readonly unknown[] {
    const ended = this.#archive.filter(({ endedAt }) => endedAt >= from && endedAt <= to);
    return structuredClone(ended.slice(0, limit).map(({ body }) => body));
  }

  #keep({ body, keepMs, at }: NonNullable<SlotChange['archive']>): void {
    const now = at ?? this.#clock.now();
    this.#archive = [{ endedAt: now, body: structuredClone(body) }, ...this.#archive]
      .filter(({ endedAt }) => endedAt > now - keepMs)
      .toSorted((a, b) => b.endedAt - a.endedAt);
  }
}

function toSlot(fingerprint: string, { revision, body }: Slot): AlertSlot {
  return { fingerprint, revision, body: structuredClone(body) };
}
