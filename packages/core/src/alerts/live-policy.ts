/**
 * The policy of alerts: defaults < options of this node < what is set live for all nodes. What is written is checked
 * first; what is read is checked again, since anybody could have written it.
 */
import { z } from 'zod';
import { messageOf, RevisionConflict } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { parseOptions } from '../ground/parse-options.ts';
import type { NewsItem } from '../ports/membership.ts';
import type { Records } from '../ports/records.ts';
import type { NewsReader } from '../registry/registry.ts';
import { alertPolicySchema, mergePolicy, type AlertPolicyOverrides } from './policy-schema.ts';
import { DEFAULT_ALERT_POLICY, type AlertPolicy } from './policy.ts';

/** Family and name of the record. */
export const ALERTING = 'alerting';
const NAME = 'policy';
/** What somebody else changes meanwhile is read again so many times. */
const MAX_TRIES = 10;

export interface ConfigureOptions {
  /** Who does this, for the history. Default: the id of this node. */
  readonly by?: string | undefined;
  /** What is given is all that is set live; `{}` takes everything back. Default false: it is added to what was set before. */
  readonly replace?: boolean | undefined;
}

export interface LivePolicyNeeds {
  readonly records: Records;
  readonly log: Log;
  readonly selfId: () => string;
  /** Of this node, checked. */
  readonly overrides?: AlertPolicyOverrides | undefined;
}

const configureSchema: z.ZodType<ConfigureOptions> = z.strictObject({
  by: z.string().min(1).max(256).optional(),
  replace: z.boolean().optional(),
});

const recordSchema = z.object({
  revision: z.number().int().min(0),
  body: z.unknown().optional(),
  by: z.string().max(1_024),
});

export class LivePolicy implements NewsReader {
  readonly #needs: LivePolicyNeeds;
  readonly #own: AlertPolicy;
  #current: AlertPolicy;
  #revision = 0;

  constructor(needs: LivePolicyNeeds) {
    this.#needs = needs;
    this.#own = mergePolicy(DEFAULT_ALERT_POLICY, needs.overrides ?? {});
    this.#current = this.#own;
  }

  /** What holds on this node now. */
  get current(): AlertPolicy {
    return this.#current;
  }

  /**
   * Changes the policy of all nodes, and answers what holds here then.
   * @throws ConfigError, RevisionConflict (nothing is written), TransportError.
   */
  async configure(partial: AlertPolicyOverrides, options: ConfigureOptions = {}): Promise<AlertPolicy> {
    const given = parseOptions(alertPolicySchema, partial, 'alerts.configure');
    const { by = this.#needs.selfId(), replace = false } = parseOptions(configureSchema, options, 'alerts.configure');
    for (let attempt = 1; ; attempt += 1) {
      const { revision, overrides } = await this.#read();
      const body = replace ? given : mergedOverrides(overrides, given);
      const change = { family: ALERTING, name: NAME, body, expected: revision, by };
      const result = await this.#needs.records.change(change);
      if (result.kind === 'changed') {
        this.#take(result.record);
        return this.#current;
      }
      if (attempt === MAX_TRIES) throw new RevisionConflict('the policy of alerts', revision, result.revision);
    }
  }

  apply(item: NewsItem): void {
    if (item.kind === ALERTING && item.id === NAME) this.#take(item.body);
  }

  async resync(): Promise<void> {
    const record = (await this.#needs.records.all(ALERTING)).find(({ name }) => name === NAME);
    // The backend may have been emptied meanwhile: then it counts anew.
    this.#revision = 0;
    if (record === undefined) this.#current = this.#own;
    else this.#take(record);
  }

  #take(given: unknown): void {
    const record = recordSchema.safeParse(given);
    if (!record.success) return this.#refused('it is no record');
    const { revision, body, by } = record.data;
    if (revision <= this.#revision) return;
    this.#revision = revision;
    const overrides = alertPolicySchema.safeParse(body ?? {});
    if (!overrides.success) return this.#refused(messageOf(overrides.error));
    this.#current = mergePolicy(this.#own, overrides.data);
    this.#needs.log.info({ evt: 'alert_policy_changed', revision, by }, 'the policy of alerts has changed');
  }

  async #read(): Promise<{ readonly revision: number; readonly overrides: AlertPolicyOverrides }> {
    const record = (await this.#needs.records.all(ALERTING)).find(({ name }) => name === NAME);
    const overrides = alertPolicySchema.safeParse(record?.body ?? {});
    return { revision: record?.revision ?? 0, overrides: overrides.success ? overrides.data : {} };
  }

  #refused(reason: string): void {
    this.#needs.log.error(
      { evt: 'alert_policy_invalid', reason },
      'the live policy of alerts cannot be used; what held before still holds',
    );
  }
}

type Plain = Readonly<Record<string, unknown>>;

/** Fields of `later` over those of `earlier`, as deep as both have fields. */
function mergedOverrides(earlier: AlertPolicyOverrides, later: AlertPolicyOverrides): AlertPolicyOverrides {
  return mergedPlain({ ...earlier }, { ...later });
}

function mergedPlain(earlier: Plain, later: Plain): Plain {
  const said = Object.entries(later).filter(([, value]) => value !== undefined);
  const fields = said.map(([name, value]): [string, unknown] => {
    const before = earlier[name];
    return [name, isPlain(before) && isPlain(value) ? mergedPlain(before, value) : value];
  });
  return { ...earlier, ...Object.fromEntries(fields) };
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
