/**
 * Casts of one handler that leave when its message ends, together with the state it changed, or never. They are encoded as
 * they are made, so that what cannot travel shows at once.
 */
import { ConfigError } from '../ground/errors.ts';
import type { OutgoingFrame } from '../ports/partitions.ts';
import { Kind, type Extras } from '../wire/envelope.ts';
import { FrameWriter } from '../wire/frame.ts';

/** Casts that one handler may make. */
const MAX_CASTS = 1_024;
/** Their numbers are no outbox's: a message's id is made of them. */
const FIRST_NUMBER = 2 ** 52;

export interface HeldCast {
  readonly mailbox: string;
  readonly method: string;
  readonly input: unknown;
  /** Backend time, ms; 0: none. */
  readonly deadline: number;
  readonly extras: Extras | undefined;
}

/** Numbers of all such casts of one node: two of its actors may cast to the same mailbox. */
export class CastNumbers {
  #last = FIRST_NUMBER;

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

/** Writes frames of one cast each. One for all handlers of an actor. */
export class CastWriter {
  readonly #writer: FrameWriter;
  readonly #memberId: () => string;
  readonly #now: () => number;
  readonly #numbers: CastNumbers;

  constructor(maxBodyBytes: number, memberId: () => string, now: () => number, numbers: CastNumbers) {
    this.#writer = new FrameWriter(maxBodyBytes);
    this.#memberId = memberId;
    this.#now = now;
    this.#numbers = numbers;
  }

  /** @throws SerializationError, PayloadTooLarge */
  write({ mailbox, method, input, deadline, extras }: HeldCast): OutgoingFrame {
    this.#writer.open(this.#now());
    this.#writer.addCast(method, input, deadline, extras);
    const bytes = this.#writer.finish(this.#memberId(), this.#numbers.next(), null);
    return { mailbox, frame: new Uint8Array(bytes), count: 1 };
  }
}

export class HeldCasts {
  readonly #writer: CastWriter;
  readonly #frames: OutgoingFrame[] = [];
  #open = true;

  constructor(writer: CastWriter) {
    this.#writer = writer;
  }

  get frames(): readonly OutgoingFrame[] {
    return this.#frames;
  }

  /** @throws SerializationError, PayloadTooLarge, ConfigError */
  hold(cast: HeldCast): void {
    if (!this.#open) throw new ConfigError(`${cast.mailbox}: the handler whose context this is has ended`);
    if (this.#frames.length >= MAX_CASTS)
      throw new ConfigError(`a handler with state makes at most ${MAX_CASTS} casts by its context`);
    this.#frames.push(this.#writer.write(cast));
  }

  /** Its handler has ended. */
  close(): void {
    this.#open = false;
  }
}

/** The key of a frame of one cast. */
export function keyOfCast(
  envelopes: readonly { readonly kind: number; readonly extras: Extras | undefined }[],
): string | undefined {
  const [first] = envelopes;
  return first?.kind === Kind.cast ? first.extras?.key : undefined;
}
