/** What one handler of a keyed actor wants kept under its key, and told to others, when its message ends. */
import { linkOf } from '../calling/chain.ts';
import { HeldCasts, type CastWriter } from '../calling/held-casts.ts';
import type { KeyedScope } from '../calling/nested.ts';
import type { KeyState } from '../contract/key-state.ts';
import type { StandardSchema } from '../contract/standard-schema.ts';
import { validate } from '../contract/validate.ts';
import { ConfigError, FrameInvalid, messageOf, SerializationError, StateInvalid } from '../ground/errors.ts';
import { encodeBody, openBody } from '../wire/frame.ts';

/** What the transactions of one actor share. */
export interface TransactionNeeds {
  readonly mailbox: string;
  readonly schema: StandardSchema;
  readonly maxBodyBytes: number;
  readonly writer: CastWriter;
}

export class Transaction implements KeyedScope, KeyState {
  readonly held: HeldCasts;
  readonly key: string;
  readonly #needs: TransactionNeeds;
  #bytes: Uint8Array | undefined;
  #value: { readonly value: unknown } | undefined;
  #changed = false;

  constructor(needs: TransactionNeeds, key: string, committed: Uint8Array | undefined) {
    this.#needs = needs;
    this.key = key;
    this.held = new HeldCasts(needs.writer);
    this.#bytes = committed;
  }

  get link(): string {
    return linkOf(this.#needs.mailbox, this.key);
  }

  get state(): KeyState {
    return this;
  }

  /** There is something to commit. */
  get changes(): boolean {
    return this.#changed || this.held.frames.length > 0;
  }

  /** What is written: bytes, null to delete; undefined: it stays as it is. */
  get written(): Uint8Array | null | undefined {
    return this.#changed ? (this.#bytes ?? null) : undefined;
  }

  get(): unknown {
    if (this.#bytes === undefined) return undefined;
    this.#value ??= { value: this.#parse(this.#bytes) };
    return this.#value.value;
  }

  set(value: unknown): void {
    const { mailbox, schema, maxBodyBytes } = this.#needs;
    const bytes = encodeBody(value, maxBodyBytes);
    if (bytes === undefined) throw new SerializationError(`state ${mailbox}: undefined is no value; delete it instead`);
    this.#atOnce(validate(schema, value, 'input', `state ${mailbox}`, 'not-executed'));
    this.#replace(bytes);
  }

  delete(): void {
    this.#replace(undefined);
  }

  #replace(bytes: Uint8Array | undefined): void {
    this.#bytes = bytes;
    this.#value = undefined;
    this.#changed = true;
  }

  #parse(bytes: Uint8Array): unknown {
    const { mailbox, schema, maxBodyBytes } = this.#needs;
    let value: unknown;
    try {
      value = openBody(bytes, maxBodyBytes);
    } catch (thrown) {
      throw new StateInvalid(mailbox, this.key, thrown instanceof FrameInvalid ? thrown.reason : 'body', thrown);
    }
    let parsed: unknown;
    try {
      parsed = validate(schema, value, 'output', `state ${mailbox}`, 'failed');
    } catch (thrown) {
      throw new StateInvalid(mailbox, this.key, messageOf(thrown), thrown);
    }
    return this.#atOnce(parsed);
  }

  #atOnce(parsed: unknown): unknown {
    if (!(parsed instanceof Promise)) return parsed;
    parsed.catch(() => undefined);
    throw new ConfigError(`contract of ${this.#needs.mailbox}: state must have a schema that answers at once`);
  }
}
