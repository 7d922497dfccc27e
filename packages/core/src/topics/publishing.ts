/** Publishes: one outbox for each topic, so that what is published while a frame travels leaves as the next one. */
import type { Topic } from '../contract/topic.ts';
import { validate } from '../contract/validate.ts';
import { Aborted, MailboxFull, type HomeostatError } from '../ground/errors.ts';
import type { DroppedGroup, Topics } from '../ports/topics.ts';
import { FrameShares } from '../sending/frame-shares.ts';
import type { Destination, TransmitResult } from '../sending/outbox.ts';
import type { Sending } from '../sending/sending.ts';
import { WaitingCast } from '../sending/waiting.ts';
import type { Extras } from '../wire/envelope.ts';
import { MESSAGE } from './group-actor.ts';
import { groupMailbox, serviceOfTopic } from './names.ts';
import { checkPublishOptions, mustBeTopic, type PublishOptions } from './options.ts';

export interface PublishingNeeds {
  readonly topics: Topics;
  readonly sending: Sending;
  memberId(): string;
  ready(signal: AbortSignal): Promise<void>;
  /** Patterns have attached these groups to a topic that nobody had published to before. Must not throw. */
  attached(topic: string, groups: readonly string[]): void;
  /** Must not throw. */
  dropped(groups: readonly DroppedGroup[]): void;
  /** A group has refused a frame. Must not throw. */
  full(mailbox: string, level: ConstructorParameters<typeof MailboxFull>[1]): void;
  /** The backend has not taken a frame. Must not throw. */
  failed(error: HomeostatError): void;
}

const NO_OPTIONS: PublishOptions = {};
/** All groups share a frame: the slowest one may not make it smaller than this, or it would slow the others down. */
const LEAST_ENVELOPES = 8;

export class Publishing {
  readonly #needs: PublishingNeeds;

  constructor(needs: PublishingNeeds) {
    this.#needs = needs;
  }

  publish(topic: Topic, payload: unknown, given?: PublishOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      mustBeTopic(topic, 'publish');
      const subject = serviceOfTopic(topic.name);
      const options = given === undefined ? NO_OPTIONS : checkPublishOptions(given, subject);
      const checked = validate(topic.schema, payload, 'input', subject, 'not-executed');
      const send = (): void => this.#send(topic, subject, payload, options, resolve, reject);
      if (checked instanceof Promise) checked.then(send).catch(reject);
      else send();
    });
  }

  #send(
    topic: Topic,
    subject: string,
    payload: unknown,
    { signal, timeoutMs = this.#needs.sending.timeoutMs, ...rest }: PublishOptions,
    resolve: () => void,
    reject: (error: Error) => void,
  ): void {
    const { sending } = this.#needs;
    if (signal?.aborted === true) throw new Aborted(subject, signal.reason, 'not-executed');
    const outbox = sending.custom(subject, () => this.#destination(topic));
    const waiting = new WaitingCast(sending.deadlines, subject, timeoutMs, resolve, reject);
    outbox.cast(MESSAGE, payload, 0, extrasOf(rest), undefined, waiting);
    sending.deadlines.add(waiting, sending.elapsed() + timeoutMs);
    if (signal !== undefined) waiting.follow(signal);
  }

  #destination({ name: topic, keep, retention }: Topic): Destination {
    const { topics, sending, memberId, ready, attached, dropped, full, failed } = this.#needs;
    const share = new SharedShare();
    return {
      async transmit(frame, number, count): Promise<TransmitResult> {
        const result = await topics.publish({ topic, number, frame, count, keep, retention });
        if (result.kind === 'not-member') return result;
        if (result.dropped.length > 0) dropped(result.dropped);
        if (result.kind === 'full') {
          const mailbox = groupMailbox(topic, result.group);
          full(mailbox, result);
          const { room, messages, bytes, maxLength, maxBytes } = result;
          return {
            kind: 'full',
            room,
            refusal: new MailboxFull(mailbox, { room, messages, bytes, maxLength, maxBytes }),
          };
        }
        if (result.attached.length > 0) attached(topic, result.attached);
        share.learn(result.hints);
        return { kind: 'accepted' };
      },
      from: memberId,
      ready,
      share: () => share.share,
      failed,
      now: () => sending.now(),
    };
  }
}

/** How large a part of a frame one message may take, as the slowest of the groups would have it, within reason. */
class SharedShare {
  share: number = 1 / LEAST_ENVELOPES;
  #hints = '';

  learn(hints: readonly string[]): void {
    const all = hints.join(';');
    if (all === this.#hints) return;
    this.#hints = all;
    let share = 0;
    for (const hint of hints) {
      const shares = new FrameShares();
      shares.learn(hint);
      share = Math.max(share, shares.of(MESSAGE));
    }
    this.share = share === 0 ? 1 / LEAST_ENVELOPES : Math.min(share, 1 / LEAST_ENVELOPES);
  }
}

function extrasOf({ key, headers }: PublishOptions): Extras | undefined {
  if (key === undefined && headers === undefined) return undefined;
  return { ...(key === undefined ? undefined : { key }), ...(headers === undefined ? undefined : { headers }) };
}
