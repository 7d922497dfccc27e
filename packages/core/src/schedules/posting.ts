/** Makes a tick a message, once, whichever nodes try to. */
import { KeyRequired, MailboxFull, NotMember, TransportError } from '../ground/errors.ts';
import { partitionOf } from '../keyed/partition-of.ts';
import type { AppendResult, Broker } from '../ports/broker.ts';
import { partitionName } from '../ports/partitions.ts';
import { FrameWriter, openBody } from '../wire/frame.ts';
import type { Definition } from './definition.ts';
import { MAX_INPUT_BYTES } from './options.ts';

/** What the handler of a scheduled message finds in `ctx.headers`. */
const SCHEDULE_HEADER = 'homeostat-schedule';
/** The moment it was due, ms since the epoch. */
export const TICK_HEADER = 'homeostat-tick';

export interface PostingNeeds {
  readonly broker: Broker;
  memberId(): string;
  /** Must not throw. */
  full(mailbox: string, level: Omit<Extract<AppendResult, { kind: 'full' }>, 'kind'>): void;
}

export interface Post {
  readonly name: string;
  readonly definition: Definition;
  readonly tick: number;
  /** Which message of this schedule it is: under one number one is accepted, whoever sends it. */
  readonly number: number;
  /** Backend time, ms. */
  readonly now: number;
}

export class Posting {
  readonly #needs: PostingNeeds;
  readonly #writer = new FrameWriter(MAX_INPUT_BYTES);

  constructor(needs: PostingNeeds) {
    this.#needs = needs;
  }

  /** @throws MailboxFull, NotMember, TransportError (repeating it is safe), FrameInvalid for an input that cannot be read. */
  async post(post: Post): Promise<void> {
    const { broker, full, memberId } = this.#needs;
    const { name, definition, number } = post;
    const { mailbox, id, key } = definition;
    const message = { number, frame: this.#frame(post), count: 1, producer: `schedule.${name}.${id}` };
    let result = await broker.append({ mailbox, ...message });
    if (result.kind === 'partitioned' && key !== undefined && result.partitions > 0) {
      const partition = partitionName(mailbox, partitionOf(key, result.partitions));
      result = await broker.append({ mailbox: partition, ...message });
    }
    switch (result.kind) {
      case 'accepted':
        return;
      case 'partitioned':
        if (key === undefined) throw new KeyRequired(mailbox);
        throw new TransportError(`${mailbox} is being split`, { outcome: 'not-executed' });
      case 'not-member':
        throw new NotMember(memberId());
      case 'full':
        full(mailbox, result);
        throw new MailboxFull(mailbox, result);
      default:
        // What is new here has to be thought of.
        result satisfies never;
    }
  }

  /** A copy: the writer is used for the next one at once. */
  #frame({ name, definition, tick, number, now }: Post): Uint8Array {
    const { method, input, key, headers } = definition;
    const body = input === undefined ? undefined : openBody(Buffer.from(input, 'base64'), MAX_INPUT_BYTES);
    const extras = {
      ...(key === undefined ? undefined : { key }),
      headers: { ...headers, [SCHEDULE_HEADER]: name, [TICK_HEADER]: String(tick) },
    };
    this.#writer.open(now);
    this.#writer.addCast(method, body, 0, extras);
    return new Uint8Array(this.#writer.finish(this.#needs.memberId(), number, null));
  }
}
