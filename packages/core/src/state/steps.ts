/** What can be done with one key: what to ask the backend, and what its answer means. */
import { TransportError } from '../ground/errors.ts';
import type { StateAnswer, StateOperation, StateSet, StoredEntry } from '../ports/state.ts';
import {
  parseKey,
  parseLifetime,
  parseRevision,
  parseSetOptions,
  parseTouch,
  type StateLifetime,
  type StateOptions,
  type StateSetOptions,
} from './options.ts';
import type { Values } from './values.ts';

export interface StateEntry<Out> {
  readonly value: Out;
  /** What `cas` and `check` take. Grows with every change of the namespace, so no key comes back to one it had. */
  readonly revision: number;
}

export type CasResult<Out> =
  | { readonly ok: true; readonly revision: number }
  /** Nothing was written: this stands there. Revision 0 and no value: nothing does. */
  | { readonly ok: false; readonly revision: number; readonly value: Out | undefined };

/** One operation on the way. */
export interface Step<Result> {
  /** Rejects for what is wrong with what was given. */
  readonly operation: Promise<StateOperation>;
  /** Rejects for what failed, and for what cannot be read. */
  readonly read: (answer: StateAnswer | undefined) => Promise<Result>;
}

export class Steps<In, Out> {
  readonly #space: string;
  readonly #values: Values<In, Out>;
  readonly #ttlMs: number | undefined;
  readonly #renew: boolean;

  constructor(space: string, values: Values<In, Out>, { ttlMs, sliding = false }: StateOptions) {
    this.#space = space;
    this.#values = values;
    this.#ttlMs = ttlMs;
    this.#renew = sliding;
  }

  get(key: string): Step<Out | undefined> {
    return this.#step(
      () => ({ kind: 'get', key: this.#key(key), renew: this.#renew }),
      async (answer) => (await this.#entry(key, answer))?.value,
    );
  }

  entry(key: string): Step<StateEntry<Out> | undefined> {
    return this.#step(
      () => ({ kind: 'get', key: this.#key(key), renew: this.#renew }),
      (answer) => this.#entry(key, answer),
    );
  }

  set(key: string, value: In, options: StateSetOptions = {}): Step<boolean> {
    return this.#step(
      () => {
        const { ttlMs, nx, xx } = parseSetOptions(this.#space, options);
        const when = nx === true ? 'absent' : xx === true ? 'present' : undefined;
        return this.writing(key, value, ttlMs, when);
      },
      ({ kind }) => kind === 'written',
    );
  }

  cas(key: string, expected: number, value: In, options: StateLifetime = {}): Step<CasResult<Out>> {
    return this.#step(
      () => {
        const { ttlMs } = parseLifetime(this.#space, options);
        return this.writing(key, value, ttlMs, { revision: parseRevision(this.#space, expected) });
      },
      async (answer) => {
        if (answer.kind === 'written') return { ok: true, revision: answer.revision };
        const stands = await this.#entry(key, answer);
        return { ok: false, revision: stands?.revision ?? 0, value: stands?.value };
      },
    );
  }

  delete(key: string): Step<boolean> {
    return this.#step(() => ({ kind: 'delete', key: this.#key(key) }), wasThere);
  }

  has(key: string): Step<boolean> {
    return this.#step(
      () => ({ kind: 'ttl', key: this.#key(key) }),
      ({ kind }) => kind === 'lives',
    );
  }

  ttl(key: string): Step<number | undefined> {
    return this.#step(
      () => ({ kind: 'ttl', key: this.#key(key) }),
      (answer) => (answer.kind === 'lives' ? answer.ms : undefined),
    );
  }

  touch(key: string, ttlMs?: number): Step<boolean> {
    return this.#step(() => ({ kind: 'touch', key: this.#key(key), ttlMs: parseTouch(this.#space, ttlMs) }), wasThere);
  }

  /** A set, once its value has been checked. The value is frozen when this is called. */
  async writing(key: string, value: In, given?: number, when?: StateSet['when']): Promise<StateSet> {
    const checked = this.#key(key);
    const body = await this.#values.write(value);
    const ttlMs = given ?? this.#ttlMs;
    return { kind: 'set', key: checked, body, ttlMs: ttlMs === Infinity ? undefined : ttlMs, when };
  }

  #key(key: string): string {
    return parseKey(this.#space, key);
  }

  async #entry(key: string, answer: StateAnswer): Promise<StateEntry<Out> | undefined> {
    if (answer.kind !== 'entry') return undefined;
    const { body, revision }: StoredEntry = answer.entry;
    return { value: await this.#values.read(key, body), revision };
  }

  #step<Result>(
    ask: () => StateOperation | Promise<StateOperation>,
    read: (answer: StateAnswer) => Result | Promise<Result>,
  ): Step<Result> {
    const operation = (async () => ask())();
    // It is looked at later, or, where another is refused first, never.
    operation.catch(() => undefined);
    return {
      operation,
      read: async (answer) => {
        if (answer === undefined) throw new TransportError(`state ${this.#space}: the backend left this unanswered`);
        if (answer.kind === 'failed') throw answer.error;
        return read(answer);
      },
    };
  }
}

function wasThere({ kind }: StateAnswer): boolean {
  return kind === 'done';
}
