/**
 * Live settings: small records shared by all nodes, each with a revision and a history. What is written is checked first;
 * what is read is checked again, since anybody could have written it.
 */
import { z } from 'zod';
import type { Emitter } from '../node/events.ts';
import { messageOf, RestartRequired, RevisionConflict } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { NewsItem } from '../ports/membership.ts';
import { parseOptions } from '../ground/parse-options.ts';
import type { Policies } from '../policies/policies.ts';
import type { Records, SharedRecord } from '../ports/records.ts';
import {
  LONGEST_SERVICE_NAME,
  serviceSettingsSchema,
  type ServicePolicy,
  type ServiceSettings,
} from '../policies/service-settings.ts';

/** The family of these records. */
export const SETTINGS = 'settings';
const DEFAULT_HISTORY = 100;

/** Settings that are known and cannot be changed while nodes run. */
const RESTART_ONLY: ReadonlySet<string> = new Set([
  'backend',
  'beat',
  'keyed',
  'maxBodyBytes',
  'maxBytes',
  'maxDead',
  'maxHeapMb',
  'maxLength',
  'maxRunMs',
  'namespace',
  'pool',
  'recycleAfter',
  'redelivery',
  'redis',
  'threads',
]);

export interface LiveSetting {
  readonly service: string;
  /** 0: nothing was ever set. */
  readonly revision: number;
  /** `undefined`: nothing is set live. */
  readonly settings: ServiceSettings | undefined;
}

export interface SettingChange {
  readonly service: string;
  readonly revision: number;
  readonly by: string;
  /** Backend time, ms. */
  readonly at: number;
  /** What was set live before and after; `undefined`: nothing. */
  readonly from: ServiceSettings | undefined;
  readonly to: ServiceSettings | undefined;
}

export interface SetOptions {
  /** Refuse when the settings are at another revision. Absent: change them as they are now. */
  readonly expectedRevision?: number | undefined;
  /** Who does this, for the history. Default: the name of this node. */
  readonly by?: string | undefined;
}

const serviceName = z.string().min(1).max(LONGEST_SERVICE_NAME);
const patchSchema = z.record(z.string(), z.unknown());
const limitSchema = z.number().int().min(1).max(1_000);

const setOptionsSchema: z.ZodType<SetOptions> = z.strictObject({
  expectedRevision: z.number().int().min(0).optional(),
  by: z.string().min(1).max(256).optional(),
});

const bodySchema: z.ZodType<{ settings: ServiceSettings; from?: ServiceSettings | undefined }> = z.object({
  settings: serviceSettingsSchema,
  from: serviceSettingsSchema.optional(),
});

/** What somebody else changes meanwhile is read again so many times. */
const MAX_TRIES = 10;

export interface LiveConfigNeeds {
  readonly records: Records;
  readonly policies: Policies;
  readonly events: Emitter;
  readonly log: Log;
  readonly nodeName: string;
}

export class LiveConfig {
  readonly #needs: LiveConfigNeeds;
  readonly #revisions = new Map<string, number>();

  constructor(needs: LiveConfigNeeds) {
    this.#needs = needs;
  }

  /** What holds for a service on this node now, all sources merged. */
  effective(service: string): ServicePolicy {
    return this.#needs.policies.service(service);
  }

  /** What is set live for a service, as this node knows it. */
  get(service: string): LiveSetting {
    return {
      service,
      revision: this.#revisions.get(service) ?? 0,
      settings: this.#needs.policies.live(service),
    };
  }

  /**
   * Changes live settings of a service on every node: the fields of `patch` replace those set live before, `null` takes
   * one back. Resolves once it is written; nodes apply it as the news reaches them.
   * @throws ConfigError, RestartRequired, RevisionConflict (nothing is written), TransportError.
   */
  async set(
    service: string,
    patch: { readonly [Name in keyof ServiceSettings]: ServiceSettings[Name] | null },
    options: SetOptions = {},
  ): Promise<LiveSetting> {
    const { expectedRevision, by = this.#needs.nodeName } = parseOptions(setOptionsSchema, options, 'config.set');
    parseOptions(serviceName, service, 'config.set: service');
    parseOptions(patchSchema, patch, `config.set ${service}`);
    for (const name of Object.keys(patch)) if (RESTART_ONLY.has(name)) throw new RestartRequired(`${service}.${name}`);
    for (let attempt = 1; ; attempt += 1) {
      const { revision, settings: before } = await this.#read(service);
      if (expectedRevision !== undefined && expectedRevision !== revision)
        throw new RevisionConflict(`config of ${service}`, expectedRevision, revision);
      const settings = this.#patched(service, before, patch);
      const body = { settings, ...(before === undefined ? undefined : { from: before }) };
      const result = await this.#needs.records.change({
        family: SETTINGS,
        name: service,
        body,
        expected: revision,
        by,
      });
      if (result.kind === 'changed') {
        this.#take(result.record);
        return { service, revision: result.record.revision, settings };
      }
      if (expectedRevision !== undefined || attempt === MAX_TRIES)
        throw new RevisionConflict(`config of ${service}`, revision, result.revision);
    }
  }

  /** Who changed what, oldest first: the last `limit` changes, at most 1,000. @throws ConfigError, TransportError */
  async history(service?: string, limit: number = DEFAULT_HISTORY): Promise<readonly SettingChange[]> {
    parseOptions(limitSchema, limit, 'config.history: limit');
    const records = await this.#needs.records.history(SETTINGS, service === undefined ? limit : 1_000);
    const changes = records.flatMap((record): SettingChange[] => {
      const body = bodySchema.safeParse(record.body);
      if (service !== undefined && record.name !== service) return [];
      const { name, revision, by, at } = record;
      const to = body.success ? body.data.settings : undefined;
      return [{ service: name, revision, by, at, from: body.success ? body.data.from : undefined, to }];
    });
    return changes.slice(-limit);
  }

  /** Reads everything anew: at the start, after joining again, and where news were missed. */
  async resync(): Promise<void> {
    const records = await this.#needs.records.all(SETTINGS);
    for (const record of records) this.#take(record);
    const there = new Set(records.map(({ name }) => name));
    for (const service of this.#revisions.keys()) {
      if (there.has(service) || this.#needs.policies.live(service) === undefined) continue;
      // Its data are gone with the backend's: what this node falls back to, all others do too.
      this.#revisions.delete(service);
      this.#needs.policies.setLive(service, undefined);
    }
  }

  /** Takes news of this family; others are left alone. */
  apply(item: NewsItem): void {
    if (item.kind !== SETTINGS) return;
    const record = recordSchema.safeParse(item.body);
    if (record.success) this.#take(record.data);
    else this.#refused(item.id, 'it is no record');
  }

  #take(record: SharedRecord): void {
    const { name, revision, by } = record;
    if (revision <= (this.#revisions.get(name) ?? 0)) return;
    const body = record.body === undefined ? undefined : bodySchema.safeParse(record.body);
    if (body?.success === false) return this.#refused(name, body.error.message);
    try {
      this.#needs.policies.setLive(name, body?.data.settings);
    } catch (thrown) {
      return this.#refused(name, messageOf(thrown));
    }
    this.#revisions.set(name, revision);
    this.#needs.log.info({ evt: 'config_changed', service: name, revision, by }, 'live settings have changed');
    this.#needs.events.emit('config', { service: name, revision, by });
  }

  async #read(service: string): Promise<LiveSetting> {
    const records = await this.#needs.records.all(SETTINGS);
    const record = records.find(({ name }) => name === service);
    if (record === undefined) return { service, revision: 0, settings: undefined };
    const body = bodySchema.safeParse(record.body);
    return { service, revision: record.revision, settings: body.success ? body.data.settings : undefined };
  }

  /** @throws ConfigError */
  #patched(service: string, before: ServiceSettings | undefined, patch: object): ServiceSettings {
    const merged = Object.fromEntries(
      Object.entries({ ...before, ...patch }).filter(([, value]) => value !== null && value !== undefined),
    );
    const settings = parseOptions(serviceSettingsSchema, merged, `config.set ${service}`);
    this.#needs.policies.check(service, settings);
    return settings;
  }

  #refused(service: string, reason: string): void {
    this.#needs.log.error(
      { evt: 'config_refused', service, reason },
      'live settings cannot be used; what held before still holds',
    );
    this.#needs.events.emit('configRefused', { service, reason });
  }
}

const recordSchema: z.ZodType<SharedRecord> = z.object({
  name: z.string(),
  revision: z.number(),
  body: z.unknown(),
  until: z.number().exactOptional(),
  at: z.number(),
  by: z.string(),
});
