/** Messages by the clock, for all nodes together: `node.schedules`. */
import { nanoid } from 'nanoid';
import { z } from 'zod';
import { isContract, type Contract, type Input, type MethodSpec, type MethodSpecs } from '../contract/contract.ts';
import { validate } from '../contract/validate.ts';
import type { Timers } from '../ground/clock.ts';
import { ConfigError, KeyRequired, NodeClosed, RevisionConflict } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { parseOptions } from '../ground/parse-options.ts';
import type { AppendResult, Broker } from '../ports/broker.ts';
import type { Records } from '../ports/records.ts';
import type { NewsReader } from '../registry/registry.ts';
import { encodeBody } from '../wire/frame.ts';
import { Book } from './book.ts';
import { Clockwork } from './clockwork.ts';
import { isSame, SCHEDULE, type Definition, type Said } from './definition.ts';
import { Entry } from './entry.ts';
import { Keeping } from './keeping.ts';
import {
  FUNCTION_PREFIX,
  MAX_INPUT_BYTES,
  MAX_SCHEDULES,
  nameSchema,
  termsSchema,
  type ScheduleOptions,
} from './options.ts';
import { Posting } from './posting.ts';
import { beginning } from './ticks.ts';
import { byNextTick, scheduleOf, type Schedule } from './view.ts';
import type { When } from './when.ts';

/** When, what is told to whom, and what else holds. */
export type ScheduleSpec<Methods extends MethodSpecs, Name extends keyof Methods & string> = When &
  ScheduleOptions & {
    readonly contract: Contract<Methods>;
    readonly method: Name;
  } & InputOf<Methods[Name]>;

type InputOf<M extends MethodSpec> =
  undefined extends Input<M> ? { readonly input?: Input<M> | undefined } : { readonly input: Input<M> };

export interface SchedulesNeeds {
  readonly records: Records;
  readonly broker: Broker;
  /** `clock.now()` is backend time. */
  readonly timers: Timers;
  readonly log: Log;
  readonly nodeName: string;
  readonly maxBodyBytes: number;
  memberId(): string;
  isMember(): boolean;
  /** How many living nodes are before this one when it comes to the text. */
  rank(text: string): number;
  isServed(mailbox: string): boolean;
  /** A mailbox has refused a message: it is full. Must not throw. */
  full(mailbox: string, level: Omit<Extract<AppendResult, { kind: 'full' }>, 'kind'>): void;
}

/** What somebody else changes meanwhile is read again so many times. */
const MAX_TRIES = 10;
/** Functions that are remembered as cancelled. */
const MAX_CANCELLED = 1_000;

const cancelSchema = z.strictObject({ by: z.string().min(1).max(256).optional() });

export class Schedules {
  readonly #needs: SchedulesNeeds;
  readonly #book: Book;
  readonly #keeping: Keeping;
  readonly #clockwork: Clockwork;
  /** Functions that somebody has cancelled and nobody put again, by the names of their schedules. */
  readonly #cancelled = new Set<string>();
  #closed = false;

  constructor(needs: SchedulesNeeds) {
    const { records, broker, timers, log, nodeName } = needs;
    this.#needs = needs;
    this.#book = new Book({
      ...{ records, log },
      changed: (name) => this.#changed(name),
      removed: (name) => this.#removed(name),
    });
    this.#keeping = new Keeping({ records, book: this.#book, clock: timers.clock, by: nodeName });
    this.#clockwork = new Clockwork({
      ...{ broker, timers, log, book: this.#book, keeping: this.#keeping, posting: new Posting(needs) },
      isMember: () => needs.isMember(),
      rank: (text) => needs.rank(text),
      isServed: (mailbox) => needs.isServed(mailbox),
    });
  }

  /** Keeps this node's picture up with the news. */
  get reader(): NewsReader {
    return this.#book;
  }

  /**
   * Casts a message at every tick from now on, whichever nodes live; resolves once it is written. The same put again, by
   * whichever node, changes nothing about its ticks, and what has ended does not begin anew for an hour (except
   * `delayMs`); with other times or another method it is a new schedule in the place of the old.
   * @param name 1 to 128 letters, digits and `. _ : / -`, begun by one of the first two.
   * @throws ConfigError naming what is wrong, when it has no tick, or when there are 10,000; ValidationError for the
   * input; KeyRequired; SerializationError; RevisionConflict when others change it all the time; TransportError; NodeClosed.
   */
  put<Methods extends MethodSpecs, Name extends keyof Methods & string>(
    name: string,
    spec: ScheduleSpec<Methods, Name>,
  ): Promise<Schedule> {
    return this.#checkedPut(name, spec);
  }

  /** The same for one that only the runtime may name. */
  async putOwn(name: string, said: Said): Promise<Schedule> {
    if (this.#closed) throw new NodeClosed(`schedules.put ${name}`);
    for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
      const before = this.#book.get(name);
      if (before === undefined && this.#book.size >= MAX_SCHEDULES)
        throw new ConfigError(`schedules.put ${name}: there are ${MAX_SCHEDULES} schedules already; cancel some`);
      const definition = this.#begun(name, said, before);
      // Also where nothing changes: only the backend knows whether it has been cancelled meanwhile.
      const record = await this.#keeping.write(name, definition, this.#book.revision(SCHEDULE, name));
      if (record !== undefined) {
        const { revision, by, at, until } = record;
        return scheduleOf(new Entry(name, { definition, revision, by, at, until }, before?.progress));
      }
      await this.#book.resync();
    }
    const revision = this.#book.revision(SCHEDULE, name);
    throw new RevisionConflict(`schedule ${name}`, revision, revision);
  }

  /** Every schedule, as the backend has it now; what is due first comes first. @throws TransportError */
  async list(): Promise<readonly Schedule[]> {
    await this.#book.resync();
    return [...this.#book.all()].map(scheduleOf).sort(byNextTick);
  }

  /** As the backend has it now. @throws TransportError */
  async get(name: string): Promise<Schedule | undefined> {
    await this.#book.resync();
    const entry = this.#book.get(name);
    return entry && scheduleOf(entry);
  }

  /**
   * Ends it, for all nodes; resolves once that is written. A message that is in the mailbox by then stays there, and one
   * that another node is putting there at this moment may still come. False: there is none, or it has ended.
   * @param options `by`: who does this, for the history. Default: the name of this node.
   * @throws RevisionConflict when others change it all the time; TransportError; NodeClosed.
   */
  async cancel(name: string, options: { readonly by?: string | undefined } = {}): Promise<boolean> {
    const { by } = parseOptions(cancelSchema, options, `schedules.cancel ${name}`);
    if (this.#closed) throw new NodeClosed(`schedules.cancel ${name}`);
    for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
      const revision = this.#book.revision(SCHEDULE, name);
      const next = this.#book.get(name)?.next;
      if (revision > 0 && (await this.#keeping.remove(name, revision, by))) return next !== undefined;
      await this.#book.resync();
      if (this.#book.revision(SCHEDULE, name) === 0) return false;
    }
    const revision = this.#book.revision(SCHEDULE, name);
    throw new RevisionConflict(`schedule ${name}`, revision, revision);
  }

  /** As far as this node knows. */
  has(name: string): boolean {
    return this.#book.get(name) !== undefined;
  }

  /** Whether somebody has cancelled this function, while this node was there to hear of it. */
  wasCancelled(name: string): boolean {
    return this.#cancelled.has(name);
  }

  /** From now on the others see to it. */
  close(): void {
    this.#closed = true;
    this.#clockwork.close();
  }

  #changed(name: string): void {
    if (this.has(name)) this.#cancelled.delete(name);
    this.#clockwork.changed(name);
  }

  #removed(name: string): void {
    if (name.startsWith(FUNCTION_PREFIX) && this.#cancelled.size < MAX_CANCELLED) this.#cancelled.add(name);
  }

  async #checkedPut(
    name: string,
    { contract, method, input, ...rest }: { contract: Contract; method: string; input?: unknown },
  ): Promise<Schedule> {
    const subject = `schedules.put ${typeof name === 'string' ? name : ''}`.trimEnd();
    parseOptions(nameSchema, name, `${subject}: name`);
    if (name.startsWith(FUNCTION_PREFIX)) throw new ConfigError(`${subject}: names with ${FUNCTION_PREFIX} are taken`);
    const { when, startAt, endAt, limit, catchUp, overlap, key, headers } = parseOptions(termsSchema, rest, subject);
    const spec = methodOf(contract, method, subject);
    // Only keyed actors have state by key; of others without a key every tick would be refused.
    if (contract.state !== undefined && key === undefined) throw new KeyRequired(contract.mailbox);
    await validate(spec.input, input, 'input', `${contract.name}.${method}`, 'not-executed');
    const encoded = this.#encoded(input, subject);
    return this.putOwn(name, {
      ...{ when, catchUp, overlap, mailbox: contract.mailbox, method },
      ...(startAt === undefined ? undefined : { startAt }),
      ...(endAt === undefined ? undefined : { endAt }),
      ...(limit === undefined ? undefined : { limit }),
      ...(encoded === undefined ? undefined : { input: encoded }),
      ...(key === undefined ? undefined : { key }),
      ...(headers === undefined ? undefined : { headers }),
    });
  }

  /** It goes on where the one before is, if that has the same ticks. @throws ConfigError when it has none. */
  #begun(name: string, said: Said, before: Entry | undefined): Definition {
    if (before !== undefined && isSame(before.definition, said)) {
      const { id, from, ended } = before.definition;
      return { ...said, id, from, ...(ended === undefined ? undefined : { ended }) };
    }
    const { when, startAt } = said;
    const definition = { ...said, id: nanoid(), from: beginning(when, startAt, this.#needs.timers.clock.now()) };
    const held = { definition, revision: 0, by: '', at: 0, until: undefined };
    if (new Entry(name, held, undefined).next === undefined)
      throw new ConfigError(`schedules.put ${name}: there is no tick, ever`);
    return definition;
  }

  #encoded(input: unknown, subject: string): string | undefined {
    const body = encodeBody(input, this.#needs.maxBodyBytes);
    if (body === undefined) return undefined;
    if (body.byteLength > MAX_INPUT_BYTES)
      throw new ConfigError(
        `${subject}: input is ${body.byteLength} bytes, more than ${MAX_INPUT_BYTES}: every node holds every schedule; let it name where the data are`,
      );
    return Buffer.from(body).toString('base64');
  }
}

function methodOf(contract: Contract, method: string, subject: string): MethodSpec {
  if (!isContract(contract)) throw new ConfigError(`${subject}: contract must be a contract`);
  const spec = Object.hasOwn(contract.methods, method) ? contract.methods[method] : undefined;
  if (spec === undefined)
    throw new ConfigError(`${subject}: method "${method}" is not in the contract ${contract.name}`);
  if (spec.yields !== undefined)
    throw new ConfigError(`${subject}: ${contract.name}.${method} yields: nobody would read what it streams`);
  return spec;
}
