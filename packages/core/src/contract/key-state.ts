/** What a keyed actor keeps under the key of the message it handles, as its handler sees it: `ctx.state`. */
export interface KeyState<In = unknown, Out = In> {
  /**
   * What was committed last, or what this handler has set since, as the contract's schema makes it; undefined: nothing is
   * kept. A value of one's own: what is changed in it is kept only by `set`.
   * @throws StateInvalid when what stands there cannot be read or does not fit the schema.
   */
  get(): Out | undefined;
  /**
   * Replaces it. The value is frozen as it is now.
   * @throws ValidationError, SerializationError, PayloadTooLarge
   */
  set(value: In): void;
  /** Keeps nothing under the key any more. */
  delete(): void;
}
