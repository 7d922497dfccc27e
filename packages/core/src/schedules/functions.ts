/** Functions by the clock: `node.every`, `node.cron`. One for all nodes is an actor of its own that a schedule casts to. */
import { actor, type Actor, type Context } from '../contract/actor.ts';
import type { Contract } from '../contract/contract.ts';
import type { Timers } from '../ground/clock.ts';
import { ConfigError, NodeClosed } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { parseOptions } from '../ground/parse-options.ts';
import { within } from '../ground/pause.ts';
import { LocalTicks, tickFailed } from './local-ticks.ts';
import {
  FUNCTION_PREFIX,
  functionSchema,
  termsSchema,
  type FunctionOptions,
  type FunctionTerms,
  type Terms,
} from './options.ts';
import { TICK_HEADER } from './posting.ts';
import type { Schedules } from './schedules.ts';

/** What a function that runs by the clock is told. */
export interface TickContext {
  /** When it was due: backend time, ms since the epoch. It may be later now. */
  readonly at: number;
  /** Aborts after `maxRunMs`, when the node closes, or when the run is not wanted any more. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

export type TickFunction = (tick: TickContext) => unknown;

/** A function that runs by the clock on this node. */
export interface Ticking extends AsyncDisposable {
  /**
   * It runs here no more. What runs has the node's `drainMs` to finish, then its signal aborts; so a run that waits for
   * this is not over before. With `singleton` the other nodes that have it go on, and where there is none it waits for one:
   * `node.schedules.cancel('tick.name')` ends it for all.
   */
  close(): Promise<void>;
}

export interface FunctionsNeeds {
  readonly schedules: Schedules;
  readonly timers: Timers;
  readonly log: Log;
  /** How long what runs may take when it is ended, ms. */
  readonly drainMs: number;
  serve(actor: Actor): Promise<void>;
  unserve(mailbox: string): Promise<void>;
}

export class ScheduledFunctions {
  readonly #needs: FunctionsNeeds;
  readonly #local = new Set<LocalTicks>();
  /** What each of this node's singletons puts, by the name of its schedule. */
  readonly #singletons = new Map<string, () => Promise<unknown>>();
  #closed = false;

  constructor(needs: FunctionsNeeds) {
    this.#needs = needs;
  }

  /** @throws ConfigError, NodeClosed; with `singleton` also as `serve` and `schedules.put` do. */
  async begin(kind: 'every' | 'cron', when: object, run: TickFunction, options: FunctionOptions): Promise<Ticking> {
    if (typeof run !== 'function') throw new ConfigError(`${kind}: the second argument must be a function`);
    const { startAt, ...own } = parseOptions(functionSchema, options, kind);
    if (!own.singleton) refuseShared(options, kind);
    // Its timer would keep the process, and nobody would end it.
    if (this.#closed) throw new NodeClosed(kind);
    const terms = parseOptions(termsSchema, { ...when, startAt, catchUp: own.catchUp, overlap: 'skip' }, kind);
    return own.singleton ? this.#forAll(kind, terms, run, own) : this.#here(terms, run, own);
  }

  /**
   * The backend may have lost what it knew: what runs here for all nodes is put again where it is not there, unless
   * somebody has cancelled it.
   */
  async rejoined(): Promise<void> {
    const { schedules } = this.#needs;
    for (const [name, put] of this.#singletons) if (!schedules.has(name) && !schedules.wasCancelled(name)) await put();
  }

  /** Begins nothing more; resolves when nothing runs. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#singletons.clear();
    await Promise.all([...this.#local].map((ticks) => ticks.close()));
  }

  /** Tells what still runs here alone to stop. */
  giveUp(): void {
    for (const ticks of this.#local) ticks.giveUp();
  }

  #here(terms: Terms, run: TickFunction, { maxRunMs }: FunctionTerms): Ticking {
    const { timers, log, drainMs } = this.#needs;
    const ticks = new LocalTicks({ ...{ timers, log, run, maxRunMs }, when: terms.when, startAt: terms.startAt });
    this.#local.add(ticks);
    return tickingOf(async () => {
      await within(timers, drainMs, ticks.close());
      ticks.giveUp();
      this.#local.delete(ticks);
    });
  }

  async #forAll(kind: string, terms: Terms, run: TickFunction, own: FunctionTerms): Promise<Ticking> {
    const { schedules, serve, unserve, log } = this.#needs;
    const { name: known } = parseOptions(functionSchema, { name: own.name ?? run.name }, kind);
    const name = `${FUNCTION_PREFIX}${known}`;
    const contract: Contract = { name, version: '1.0.0', mailbox: `${name}@1`, methods: { [METHOD]: {} } };
    const { when, startAt, catchUp, overlap } = terms;
    const said = { when, catchUp, overlap, mailbox: contract.mailbox, method: METHOD };
    const put = (): Promise<unknown> => schedules.putOwn(name, startAt === undefined ? said : { ...said, startAt });
    // First: a tick finds somebody who has room for it.
    await serve(tickActor(contract, run, own.maxRunMs, log));
    try {
      await put();
    } catch (thrown) {
      await unserve(contract.mailbox);
      throw thrown;
    }
    this.#singletons.set(name, put);
    return tickingOf(async () => {
      if (this.#singletons.delete(name)) await unserve(contract.mailbox);
    });
  }
}

/** What a function of this node alone has no use for: whoever says it means one for all nodes. @throws ConfigError */
function refuseShared({ name, catchUp }: FunctionOptions, kind: string): void {
  for (const [option, given] of Object.entries({ name, catchUp }))
    if (given !== undefined) throw new ConfigError(`${kind}.${option}: goes with singleton only`);
}

const METHOD = 'tick';

/** A run that fails is not repeated: the next tick is its repetition. One whose node died is. */
function tickActor(contract: Contract, run: TickFunction, maxRunMs: number, log: Log): Actor {
  const handler = async (_input: unknown, ctx: Context): Promise<void> => {
    const at = Number(ctx.headers[TICK_HEADER] ?? 0);
    try {
      await run({
        at,
        log: ctx.log,
        get signal() {
          return ctx.signal;
        },
      });
    } catch (thrown) {
      tickFailed(log, contract.name, thrown);
    }
  };
  return actor(contract, { [METHOD]: handler }, { concurrency: 1, maxRunMs });
}

function tickingOf(close: () => Promise<void>): Ticking {
  return { close, [Symbol.asyncDispose]: close };
}
