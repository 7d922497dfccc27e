/** What every node hears: it goes into the inbox of each, and is heard there once or never. */
import { customAlphabet } from 'nanoid';
import type { Calling } from '../calling/calling.ts';
import { createClient } from '../calling/client.ts';
import type { StandardSchema } from '../contract/standard-schema.ts';
import type { Topic } from '../contract/topic.ts';
import { validate } from '../contract/validate.ts';
import { Aborted, messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Sending } from '../sending/sending.ts';
import { WaitingCast } from '../sending/waiting.ts';
import type { Envelope, Extras } from '../wire/envelope.ts';
import { readBody, type Frame } from '../wire/frame.ts';
import type { TopicContext, TopicHandler } from './context.ts';
import { matchesTopic, serviceOfTopic, topicOfService } from './names.ts';
import { checkPublishOptions, mustBeTopic, type PublishOptions } from './options.ts';

export interface Listener {
  /** A topic, or a pattern of topics. */
  readonly subject: string;
  readonly schema: StandardSchema | undefined;
  readonly handler: TopicHandler<never>;
}

export interface EveryNodeNeeds {
  readonly sending: Sending;
  readonly calling: Calling;
  readonly log: Log;
  /** Ids of all nodes that are there, this one included. */
  nodes(): readonly string[];
}

/** An inbox frame may arrive twice: so many ids are remembered. */
const REMEMBERED = 10_000;
/** Handlers of one node that run at once; what comes beyond is not heard here. */
const MOST_RUNNING = 1_000;
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

const fresh: (size?: number) => string = customAlphabet('abcdefghijklmnopqrstuvwxyz0123456789', 10);

export class EveryNode {
  readonly #needs: EveryNodeNeeds;
  readonly #listeners = new Set<Listener>();
  readonly #heard = new Set<string>();
  readonly #closing = new AbortController();
  readonly #origin = fresh();
  #sent = 0;
  #running = 0;
  /** Messages that a listener of this node has got. */
  received = 0;
  /** Messages that came while too many were being handled. */
  missed = 0;

  constructor(needs: EveryNodeNeeds) {
    this.#needs = needs;
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves once it is in the inbox of every node, as far as that is still there. */
  async broadcast(topic: Topic, payload: unknown, given: PublishOptions = {}): Promise<void> {
    mustBeTopic(topic, 'broadcast');
    const { sending, nodes } = this.#needs;
    const subject = serviceOfTopic(topic.name);
    const { signal, timeoutMs = sending.timeoutMs, key, headers } = checkPublishOptions(given, subject);
    await validate(topic.schema, payload, 'input', subject, 'not-executed');
    if (signal?.aborted === true) throw new Aborted(subject, signal.reason, 'not-executed');
    this.#sent += 1;
    const extras: Extras = {
      id: `${this.#origin}-${this.#sent}`,
      ...(key === undefined ? undefined : { key }),
      ...(headers === undefined ? undefined : { headers }),
    };
    const told = nodes().map(
      (nodeId) =>
        new Promise<void>((resolve, reject) => {
          const waiting = new WaitingCast(sending.deadlines, subject, timeoutMs, () => resolve(), reject);
          sending.inbox(nodeId).cast(subject, payload, 0, extras, undefined, waiting);
          sending.deadlines.add(waiting, sending.elapsed() + timeoutMs);
          if (signal !== undefined) waiting.follow(signal);
        }),
    );
    const ends = await Promise.allSettled(told);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Takes an envelope of this node's inbox that is no answer. Whatever it holds, it never throws. */
  receive(frame: Frame, envelope: Envelope): void {
    const topic = topicOfService(envelope.method);
    const id = envelope.extras?.id;
    if (topic === undefined || id === undefined || this.#listeners.size === 0 || this.#isHeard(id)) return;
    for (const listener of [...this.#listeners]) {
      if (!matchesTopic(listener.subject, topic)) continue;
      if (this.#running >= MOST_RUNNING) {
        this.missed += 1;
        continue;
      }
      this.#running += 1;
      this.received += 1;
      void this.#hear(listener, topic, frame, envelope, id);
    }
  }

  close(): void {
    this.#listeners.clear();
    this.#closing.abort();
  }

  async #hear(
    { schema, handler }: Listener,
    topic: string,
    frame: Frame,
    envelope: Envelope,
    messageId: string,
  ): Promise<void> {
    const { calling, log } = this.#needs;
    try {
      const body = readBody(frame.bytes, envelope.bodyStart, envelope.bodyEnd);
      const payload = await validate(schema, body, 'input', serviceOfTopic(topic), 'not-executed');
      const ctx: TopicContext = {
        ...{ topic, group: undefined, messageId, attempt: 1, publisher: frame.from, log },
        key: envelope.extras?.key,
        headers: envelope.extras?.headers ?? NO_HEADERS,
        signal: this.#closing.signal,
        client: (contract, options) => createClient(calling, contract, options),
      };
      await handler(payload as never, ctx);
    } catch (thrown) {
      log.warn(
        { evt: 'broadcast_handler_failed', topic, reason: messageOf(thrown) },
        'what was broadcast was not handled here; it does not come again',
      );
    } finally {
      this.#running -= 1;
    }
  }

  #isHeard(id: string): boolean {
    if (this.#heard.has(id)) return true;
    this.#heard.add(id);
    if (this.#heard.size > REMEMBERED) {
      const [oldest] = this.#heard;
      this.#heard.delete(oldest!);
    }
    return false;
  }
}
