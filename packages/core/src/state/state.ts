/** Shared state by key, as one node sees it: `node.state(namespace)`. */
import type { InputOf, OutputOf, StandardSchema } from '../contract/standard-schema.ts';
import { ConfigError } from '../ground/errors.ts';
import type { StateChange, StateStore } from '../ports/state.ts';
import { checkSize } from './bounds.ts';
import {
  parseNamespace,
  parseStateOptions,
  type StateLifetime,
  type StateOptions,
  type StateSetOptions,
} from './options.ts';
import { picked, StatePipeline, runPipeline, type PipelineResults } from './pipeline.ts';
import { Steps, type CasResult, type StateEntry, type Step } from './steps.ts';
import { changed, StateTransaction, type MultiResult } from './transaction.ts';
import { Values } from './values.ts';

/** Opens shared state; without a schema the type of the values is taken on trust. */
export interface OpenState {
  <Schema extends StandardSchema>(
    namespace: string,
    options: StateOptions & { readonly schema: Schema },
  ): State<InputOf<Schema>, OutputOf<Schema>>;
  <Value = unknown>(namespace: string, options?: StateOptions & { readonly schema?: undefined }): State<Value>;
}

/**
 * Values by key, the same for all nodes of a namespace of nodes. Any body that can be sent can be kept, up to
 * `maxBodyBytes`; keys have 1 to 512 characters.
 *
 * Every method rejects with ConfigError for what is wrong with a key or an option, with TransportError when the backend is
 * away (`not-executed`, or `unknown` when its answer was lost: a write may have happened), and with StateInvalid when what
 * stands there cannot be read or does not fit the schema; it is left as it is. What sets rejects with ValidationError,
 * SerializationError, PayloadTooLarge, and BackendFull.
 */
export class State<In, Out = In> {
  readonly #store: StateStore;
  readonly #space: string;
  readonly #steps: Steps<In, Out>;
  readonly #maxBodyBytes: number;

  /** @throws ConfigError */
  constructor(store: StateStore, maxBodyBytes: number, namespace: string, options: StateOptions = {}) {
    const space = parseNamespace(namespace);
    const parsed = parseStateOptions(space, options);
    this.#store = store;
    this.#space = space;
    this.#steps = new Steps(space, new Values<In, Out>(space, parsed.schema, maxBodyBytes), parsed);
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** The value under a key; undefined: there is none. With `sliding` its time to live begins anew. */
  get(key: string): Promise<Out | undefined> {
    return this.#one(this.#steps.get(key));
  }

  /** As `get`, with the revision that `cas` and `check` take. */
  entry(key: string): Promise<StateEntry<Out> | undefined> {
    return this.#one(this.#steps.entry(key));
  }

  /** As `get`, of up to 1,000 keys in one step: what others change together is seen together. Rejects when one cannot be read. */
  async getMany(keys: readonly string[]): Promise<readonly (Out | undefined)[]> {
    const steps = keys.map((key) => this.#steps.get(key));
    const operations = await Promise.all(steps.map(({ operation }) => operation));
    checkSize(this.#space, operations, this.#maxBodyBytes);
    if (operations.length === 0) return [];
    const answers = await this.#store.each(this.#space, operations);
    return Promise.all(steps.map((step, index) => step.read(answers[index])));
  }

  /** Puts a value under a key, with a time to live that begins now. False: `nx` or `xx` did not hold, nothing was written. */
  set(key: string, value: In, options?: StateSetOptions): Promise<boolean> {
    return this.#one(this.#steps.set(key, value, options));
  }

  /** Compare and set: writes only where the key is at that revision; 0: where nothing stands. */
  cas(key: string, expectedRevision: number, value: In, options?: StateLifetime): Promise<CasResult<Out>> {
    return this.#one(this.#steps.cas(key, expectedRevision, value, options));
  }

  /** False: there was nothing. Whatever stands there goes, unreadable or not. */
  delete(key: string): Promise<boolean> {
    return this.#one(this.#steps.delete(key));
  }

  /** Whether anything stands under the key. Renews nothing. */
  has(key: string): Promise<boolean> {
    return this.#one(this.#steps.has(key));
  }

  /** How long the value lives on, ms; Infinity: for ever; undefined: there is none. Renews nothing. */
  ttl(key: string): Promise<number | undefined> {
    return this.#one(this.#steps.ttl(key));
  }

  /**
   * Makes the time to live begin anew, `sliding` or not: the one it was set with, or `ttlMs` for this once. False: there
   * is no value.
   */
  touch(key: string, ttlMs?: number): Promise<boolean> {
    return this.#one(this.#steps.touch(key, ttlMs));
  }

  /**
   * Up to 1,000 changes that happen together or not at all, and that nobody sees half of. When a check fails, nothing is
   * written, and the answer says which.
   */
  async multi(build: (transaction: StateTransaction<In>) => void | StateTransaction<In>): Promise<MultiResult> {
    const taken: Promise<StateChange>[] = [];
    refusePromise(this.#space, 'multi', build(new StateTransaction(this.#space, this.#steps, taken)));
    const changes = await Promise.all(taken);
    checkSize(this.#space, changes, this.#maxBodyBytes);
    if (changes.length === 0) return { ok: true, results: [] };
    const result = await this.#store.all(this.#space, changes);
    if (result.kind === 'done') return { ok: true, results: result.answers.map(changed) };
    return { ok: false, key: changes[result.index]?.key ?? '', revision: result.revision };
  }

  /**
   * Up to 1,000 operations in one round trip, in order. One that fails, for whatever reason, leaves the others alone; when
   * the backend cannot be reached, all of them have failed and the pipeline rejects. Answer with the operations to have
   * their results typed: `pipeline((p) => [p.get('a'), p.delete('b')])`.
   */
  async pipeline<const Built>(build: (pipeline: StatePipeline<In, Out>) => Built): Promise<PipelineResults<Built>> {
    const taken: Step<unknown>[] = [];
    const built = build(new StatePipeline(this.#steps, taken));
    refusePromise(this.#space, 'pipeline', built);
    return picked(built, await runPipeline(this.#store, this.#space, taken, this.#maxBodyBytes));
  }

  async #one<Result>(step: Step<Result>): Promise<Result> {
    const [answer] = await this.#store.each(this.#space, [await step.operation]);
    return step.read(answer);
  }
}

/** What is taken down after a wait would come too late, and be lost without a word. */
function refusePromise(space: string, method: string, built: unknown): void {
  if (built instanceof Promise) throw new ConfigError(`state ${space}.${method}: its function must not be async`);
}
