/** Values on their way into shared state and out of it: the codec of messages, with the schema of the namespace around it. */
import type { StandardSchema } from '../contract/standard-schema.ts';
import { validate } from '../contract/validate.ts';
import { FrameInvalid, SerializationError, StateInvalid, messageOf } from '../ground/errors.ts';
import { encodeBody, openBody } from '../wire/frame.ts';

export class Values<In, Out> {
  readonly #space: string;
  readonly #schema: StandardSchema | undefined;
  readonly #maxBodyBytes: number;

  constructor(space: string, schema: StandardSchema | undefined, maxBodyBytes: number) {
    this.#space = space;
    this.#schema = schema;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /**
   * The bytes of a value as it is now. The original is what is kept: only who reads it gets what the schema makes of it.
   * @throws ValidationError, SerializationError, PayloadTooLarge
   */
  async write(value: In): Promise<Uint8Array> {
    const body = encodeBody(value, this.#maxBodyBytes);
    if (body === undefined) throw new SerializationError(`state ${this.#space}: undefined is no value; delete the key`);
    await validate(this.#schema, value, 'input', `state ${this.#space}`, 'not-executed');
    return body;
  }

  /** @throws StateInvalid */
  async read(key: string, body: Uint8Array): Promise<Out> {
    let value: unknown;
    try {
      value = openBody(body, this.#maxBodyBytes);
    } catch (thrown) {
      throw new StateInvalid(this.#space, key, thrown instanceof FrameInvalid ? thrown.reason : 'body', thrown);
    }
    try {
      return (await validate(this.#schema, value, 'output', `state ${this.#space}`, 'failed')) as Out;
    } catch (thrown) {
      throw new StateInvalid(this.#space, key, messageOf(thrown), thrown);
    }
  }
}
