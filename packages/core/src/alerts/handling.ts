/** What people and handlers do to an alert: ack, resolve, escalate. */
import { z } from 'zod';
import { AlertNotFound } from '../ground/errors.ts';
import { parseOptions } from '../ground/parse-options.ts';
import type { AlertStore } from '../ports/alerts.ts';
import type { AckType, Alert } from './alert.ts';
import { MAX_WORD } from './bounds.ts';
import { alertOf } from './delivery/alert-of.ts';
import type { Desk, Verb } from './desk.ts';
import { ack, escalate, resolve } from './transitions.ts';
import type { AlertView, ViewEntry } from './view.ts';

/** `resolved`, `false_alarm` and `escalated` do what they say. */
export type AckWord = AckType | 'resolved' | 'escalated' | 'false_alarm';

export interface ByOptions {
  /** Who does this: kept in the history. Default: the id of this node. */
  readonly by?: string | undefined;
}

export interface AckOptions extends ByOptions {
  readonly note?: string | undefined;
  /** When it is expected to be over: backend time, ms since the epoch. Default: as the policy says. */
  readonly eta?: number | undefined;
}

export interface ResolveOptions extends ByOptions {
  readonly note?: string | undefined;
  /** There was nothing to it. Default false. */
  readonly falseAlarm?: boolean | undefined;
}

export interface HandlingNeeds {
  readonly store: AlertStore;
  readonly view: AlertView;
  readonly desk: Desk;
  selfId(): string;
  /** Something is about to be done to the alert of this fingerprint. */
  flush(fingerprint: string): void;
}

const by = z.string().min(1).max(MAX_WORD).optional();
const note = z.string().max(2_000).optional();
const ackOptionsSchema: z.ZodType<AckOptions> = z.strictObject({ by, note, eta: z.number().min(0).optional() });
const resolveOptionsSchema: z.ZodType<ResolveOptions> = z.strictObject({
  by,
  note,
  falseAlarm: z.boolean().optional(),
});
const byOptionsSchema: z.ZodType<ByOptions> = z.strictObject({ by });
const referenceSchema = z.string().min(1).max(1_024);
const reasonSchema = z.string().min(1).max(2_000);
const ackWordSchema: z.ZodType<AckWord> = z.enum([
  'received',
  'investigating',
  'responding',
  'resolved',
  'escalated',
  'false_alarm',
]);

export class Handling {
  readonly #needs: HandlingNeeds;

  constructor(needs: HandlingNeeds) {
    this.#needs = needs;
  }

  async ack(reference: string, given: AckWord, options: AckOptions): Promise<Alert> {
    const type = parseOptions(ackWordSchema, given, 'alerts.ack: type');
    const { by, note, eta } = parseOptions(ackOptionsSchema, options, 'alerts.ack');
    if (type === 'resolved') return this.resolve(reference, { by, note });
    if (type === 'false_alarm') return this.resolve(reference, { by, note, falseAlarm: true });
    if (type === 'escalated') return this.escalate(reference, note ?? type, { by });
    return this.#act(reference, by, (before, moment) => ack(before, { type, note, eta }, moment));
  }

  async resolve(reference: string, options: ResolveOptions): Promise<Alert> {
    const { by, ...facts } = parseOptions(resolveOptionsSchema, options, 'alerts.resolve');
    return this.#act(reference, by, (before, moment) => resolve(before, facts, moment));
  }

  async escalate(reference: string, given: string, options: ByOptions): Promise<Alert> {
    const reason = parseOptions(reasonSchema, given, 'alerts.escalate: reason');
    const { by } = parseOptions(byOptionsSchema, options, 'alerts.escalate');
    return this.#act(reference, by, (before, moment) => escalate(before, reason, moment));
  }

  async #act(given: string, by: string | undefined, verb: Verb): Promise<Alert> {
    const { view, desk, selfId, flush } = this.#needs;
    const reference = parseOptions(referenceSchema, given, 'alerts: id');
    const known = view.find(reference) ?? view.get(reference);
    if (known !== undefined) {
      flush(known.record.fingerprint);
      const { record, changed } = await desk.act(known, by ?? selfId(), verb);
      if (changed) return alertOf(record);
    }
    // This node knows of no such alert, or of nothing to do about it: it may not have heard the latest.
    const read = await this.#read(reference);
    if (read === undefined) throw new AlertNotFound(reference);
    return alertOf((await desk.act(read, by ?? selfId(), verb)).record);
  }

  /** The living alert of this id or fingerprint, as the store has it. */
  async #read(reference: string): Promise<ViewEntry | undefined> {
    const { view, store } = this.#needs;
    const { slots } = await store.live();
    for (const slot of slots) {
      const record = view.read(slot);
      if (record?.id === reference || record?.fingerprint === reference) return { record, revision: slot.revision };
    }
    return undefined;
  }
}
