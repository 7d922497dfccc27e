/**
 * What frames alone can give: raw's two streams, with up to 128 messages packed in one entry and one append in flight
 * per stream (what is sent meanwhile leaves as the next frame). Nothing else: no deadlines, no fences, no validation.
 *
 * @import { Caller, Closable, Env } from '../lib/subject.js'
 */
import { Packr, Unpackr } from 'msgpackr';
import { payload } from '../lib/payload.js';
import { connectRedis, corking } from '../lib/redis-client.js';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });
const GROUP = 'service';
const FRAME = 128;
const READ_COUNT = 16;
const BLOCK_MS = 5_000;
const TRIM_EVERY = 32;
/** Groups of the fan-out, and about how many of its frames are kept. */
const FAN_OUT = 5;
const KEPT_FRAMES = 100_000;

/**
 * One append in flight for one stream. A frame is `[reply stream, [[correlation, body], …]]`.
 */
class Outbox {
  #redis;
  #cork;
  #stream;
  #replyTo;
  /** @type {[number, unknown][]} */
  #waiting = [];
  #inFlight = false;
  #scheduled = false;

  /**
   * @param {import('ioredis').Redis} redis
   * @param {() => void} cork
   * @param {string} stream
   * @param {string} replyTo
   */
  constructor(redis, cork, stream, replyTo) {
    this.#redis = redis;
    this.#cork = cork;
    this.#stream = stream;
    this.#replyTo = replyTo;
  }

  /**
   * @param {number} correlation
   * @param {unknown} body
   */
  push(correlation, body) {
    this.#waiting.push([correlation, body]);
    if (this.#inFlight || this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#flush);
  }

  #flush = () => {
    this.#scheduled = false;
    if (this.#inFlight || this.#waiting.length === 0) return;
    const messages = this.#waiting.length <= FRAME ? this.#waiting : this.#waiting.slice(0, FRAME);
    this.#waiting = this.#waiting.length <= FRAME ? [] : this.#waiting.slice(FRAME);
    this.#inFlight = true;
    this.#cork();
    this.#redis.xadd(this.#stream, '*', 'f', packr.pack([this.#replyTo, messages])).then(this.#landed, fail);
  };

  #landed = () => {
    this.#inFlight = false;
    this.#flush();
  };
}

/**
 * @param {Env} env
 * @param {(n: number) => void} handled
 * @returns {Promise<Closable>}
 */
export async function serve(env, handled) {
  const mailbox = `${env.prefix}:mailbox`;
  const reader = await connectRedis(env.redisUrl);
  const writer = await connectRedis(env.redisUrl);
  const cork = corking(writer);
  /** @type {Map<string, Outbox>} */
  const outboxes = new Map();
  let open = true;
  await writer.xgroup('CREATE', mailbox, GROUP, '0', 'MKSTREAM');

  const read = async () => {
    while (open) {
      const reply = await reader.xreadgroupBuffer(
        'GROUP',
        GROUP,
        'one',
        'COUNT',
        READ_COUNT,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        mailbox,
        '>',
      );
      if (reply === null) continue;
      const ids = [];
      let casts = 0;
      for (const [id, fields] of /** @type {[Buffer, Buffer[]][]} */ (reply[0][1])) {
        const [replyTo, messages] = unpackr.unpack(fields[1]);
        ids.push(id);
        if (replyTo === '') {
          casts += messages.length;
          continue;
        }
        let outbox = outboxes.get(replyTo);
        if (outbox === undefined) outboxes.set(replyTo, (outbox = new Outbox(writer, cork, replyTo, '')));
        for (const [correlation, body] of messages) outbox.push(correlation, body);
      }
      cork();
      void writer.xack(mailbox, GROUP, ...ids);
      void writer.xdel(mailbox, ...ids);
      if (casts > 0) handled(casts);
    }
  };
  read().catch((error) => open && fail(error));

  const topic = `${env.prefix}:topic`;
  /** @type {import('ioredis').Redis[]} */
  const subscribers = [];
  /**
   * @param {import('ioredis').Redis} redis
   * @param {string} group
   */
  const follow = async (redis, group) => {
    while (open) {
      const reply = await redis.xreadgroupBuffer(
        ...['GROUP', group, 'one', 'COUNT', READ_COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', topic, '>'],
      );
      if (reply === null) continue;
      const ids = [];
      let deliveries = 0;
      for (const [id, fields] of reply[0][1]) {
        deliveries += unpackr.unpack(fields[1])[1].length;
        ids.push(id);
      }
      cork();
      void writer.xack(topic, group, ...ids);
      handled(deliveries);
    }
  };
  return {
    async fanOut() {
      if (subscribers.length > 0) return;
      for (let i = 0; i < FAN_OUT; i++) {
        await writer.xgroup('CREATE', topic, `group-${i}`, '0', 'MKSTREAM');
        const redis = await connectRedis(env.redisUrl);
        subscribers.push(redis);
        follow(redis, `group-${i}`).catch((error) => open && fail(error));
      }
    },
    async close() {
      open = false;
      reader.disconnect();
      writer.disconnect();
      for (const subscriber of subscribers) subscriber.disconnect();
    },
  };
}

/**
 * @param {Env} env
 * @returns {Promise<Caller>}
 */
export async function connect(env) {
  const mailbox = `${env.prefix}:mailbox`;
  const inbox = `${env.prefix}:inbox:${process.pid}`;
  const writer = await connectRedis(env.redisUrl);
  const reader = await connectRedis(env.redisUrl);
  const cork = corking(writer);
  const outbox = new Outbox(writer, cork, mailbox, inbox);
  /** @type {Map<number, (value: unknown) => void>} */
  const waiting = new Map();
  let number = 0;
  let open = true;
  let reading = false;

  const read = async () => {
    let cursor = '0-0';
    let untrimmed = 0;
    while (open) {
      const reply = await reader.xreadBuffer('COUNT', READ_COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', inbox, cursor);
      if (reply === null) continue;
      const entries = reply[0][1];
      for (const [, fields] of entries) {
        for (const [correlation, body] of unpackr.unpack(fields[1])[1]) {
          const resolve = waiting.get(correlation);
          waiting.delete(correlation);
          resolve?.(body);
        }
      }
      cursor = entries[entries.length - 1][0].toString('latin1');
      untrimmed += entries.length;
      if (untrimmed >= TRIM_EVERY) {
        untrimmed = 0;
        cork();
        void writer.xtrim(inbox, 'MINID', cursor);
      }
    }
  };
  /** @param {number} size */
  const frame = (size) => packr.pack(['', Array.from({ length: size }, (_, i) => [i, payload])]);
  /**
   * @param {number} n
   * @param {(bytes: Buffer) => Promise<unknown>} append
   */
  const sendAll = async (n, append) => {
    // the next frame is packed while the last one travels
    let inFlight;
    for (let left = n; left > 0; left -= FRAME) {
      const bytes = frame(Math.min(FRAME, left));
      await inFlight;
      inFlight = append(bytes);
    }
    await inFlight;
  };
  return {
    send: (n) => sendAll(n, (bytes) => writer.xadd(mailbox, '*', 'f', bytes)),
    publish: (n) =>
      sendAll(n, (bytes) => writer.xadd(`${env.prefix}:topic`, 'MAXLEN', '~', KEPT_FRAMES, '*', 'f', bytes)),
    sendOne: async () => void (await writer.xadd(mailbox, '*', 'f', frame(1))),
    call(input) {
      if (!reading) {
        reading = true;
        read().catch((error) => open && fail(error));
      }
      const correlation = ++number;
      return new Promise((resolve) => {
        waiting.set(correlation, resolve);
        outbox.push(correlation, input);
      });
    },
    async close() {
      open = false;
      await writer.del(inbox);
      reader.disconnect();
      writer.disconnect();
    },
  };
}

/** @param {unknown} error */
function fail(error) {
  process.nextTick(() => {
    throw error;
  });
}
