/**
 * The floor: what a careful user writes by hand with ioredis and streams. One entry per message, a consumer group,
 * replies over one stream per caller. No deadlines, no redelivery, no validation.
 *
 * @import { Caller, Closable, Env } from '../lib/subject.js'
 */
import { Packr, Unpackr } from 'msgpackr';
import { payload } from '../lib/payload.js';
import { pump } from '../lib/pump.js';
import { connectRedis, corking } from '../lib/redis-client.js';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });
const GROUP = 'service';
const READ_COUNT = 256;
const BLOCK_MS = 5_000;
/** One-way messages under way at once. */
const WINDOW = 1_024;
/** The reply stream is trimmed behind the reader once per this many replies. */
const TRIM_EVERY = 512;
/** Items of a stream under way to Redis at once. */
const STREAM_WINDOW = 1_024;
/** Groups of the fan-out. */
const FAN_OUT = 5;
/** The topic is trimmed once per this many reads of one group. */
const TRIM_READS = 32;

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
  let open = true;
  await writer.xgroup('CREATE', mailbox, GROUP, '0', 'MKSTREAM').catch(ignoreBusyGroup);

  const produce = async (/** @type {Buffer} */ stream, /** @type {number} */ n) => {
    for (let sent = 0; sent < n;) {
      cork();
      const end = Math.min(n, sent + STREAM_WINDOW);
      let last;
      for (; sent < end; sent++) last = writer.xadd(stream, '*', 'b', packr.pack(payload));
      await last;
    }
  };

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
      const entries = /** @type {[Buffer, Buffer[]][]} */ (reply[0][1]);
      const ids = [];
      let casts = 0;
      cork();
      for (const [id, fields] of entries) {
        if (fields[0].toString() === 'n') {
          produce(fields[3], Number(fields[1].toString())).catch((error) => open && fail(error));
          ids.push(id);
          continue;
        }
        const input = unpackr.unpack(fields[1]);
        if (fields.length > 2) void writer.xadd(fields[3], '*', 'c', fields[5], 'b', packr.pack(input));
        else casts++;
        ids.push(id);
      }
      void writer.xack(mailbox, GROUP, ...ids);
      void writer.xdel(mailbox, ...ids);
      if (casts > 0) handled(casts);
    }
  };
  const reading = read();
  reading.catch((error) => open && fail(error));

  /** One stream, a group for each subscriber, entries trimmed by hand once all have had them. */
  const topic = `${env.prefix}:topic`;
  const groups = Array.from({ length: FAN_OUT }, (_, i) => `group-${i}`);
  /** @type {import('ioredis').Redis[]} */
  const subscribers = [];
  /**
   * @param {import('ioredis').Redis} redis
   * @param {string} group
   * @param {(last: string) => void} onRead
   */
  const follow = async (redis, group, onRead) => {
    while (open) {
      const reply = await redis.xreadgroupBuffer(
        ...['GROUP', group, 'one', 'COUNT', READ_COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', topic, '>'],
      );
      if (reply === null) continue;
      const entries = reply[0][1];
      const ids = [];
      for (const [id, fields] of entries) {
        unpackr.unpack(fields[1]);
        ids.push(id);
      }
      cork();
      void writer.xack(topic, group, ...ids);
      onRead(entries.at(-1)[0].toString('latin1'));
      handled(entries.length);
    }
  };
  return {
    async fanOut() {
      if (subscribers.length > 0) return;
      for (const group of groups) await writer.xgroup('CREATE', topic, group, '0', 'MKSTREAM').catch(ignoreBusyGroup);
      const last = new Map();
      for (const group of groups) {
        const redis = await connectRedis(env.redisUrl);
        subscribers.push(redis);
        let reads = 0;
        follow(redis, group, (id) => {
          last.set(group, id);
          reads++;
          // what every group has had goes
          if (group === groups[0] && reads % TRIM_READS === 0 && last.size === FAN_OUT)
            void writer.xtrim(topic, 'MINID', [...last.values()].reduce(earlier));
        }).catch((error) => open && fail(error));
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
  /** A stream is read beside replies, whose read blocks. */
  const streamReader = await connectRedis(env.redisUrl);
  const cork = corking(writer);
  /** @type {Map<number, (value: unknown) => void>} */
  const waiting = new Map();
  let number = 0;
  let open = true;

  const read = async () => {
    let cursor = '0-0';
    let untrimmed = 0;
    while (open) {
      const reply = await reader.xreadBuffer('COUNT', 2 * READ_COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', inbox, cursor);
      if (reply === null) continue;
      const entries = reply[0][1];
      for (const [, fields] of entries) {
        const correlation = Number(fields[1].toString('latin1'));
        const resolve = waiting.get(correlation);
        waiting.delete(correlation);
        resolve?.(unpackr.unpack(fields[3]));
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
  let reading = false;
  const sendOne = () => {
    cork();
    return writer.xadd(mailbox, '*', 'b', packr.pack(payload));
  };
  return {
    send: (n) => pump(n, WINDOW, sendOne),
    publish: (n) =>
      pump(n, WINDOW, () => {
        cork();
        return writer.xadd(`${env.prefix}:topic`, '*', 'b', packr.pack(payload));
      }),
    sendOne: async () => void (await sendOne()),
    call(input) {
      if (!reading) {
        reading = true;
        read().catch((error) => open && fail(error));
      }
      const correlation = ++number;
      return new Promise((resolve) => {
        waiting.set(correlation, resolve);
        cork();
        void writer.xadd(mailbox, '*', 'b', packr.pack(input), 'r', inbox, 'c', correlation);
      });
    },
    async stream(n) {
      const stream = `${inbox}:${++number}`;
      cork();
      void writer.xadd(mailbox, '*', 'n', n, 'r', stream);
      let cursor = '0-0';
      let came = 0;
      while (came < n) {
        const reply = await streamReader.xreadBuffer(
          ...['COUNT', 2 * READ_COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', stream, cursor],
        );
        if (reply === null) break;
        const entries = reply[0][1];
        for (const [, fields] of entries) came += unpackr.unpack(fields[1]) === undefined ? 0 : 1;
        cursor = entries[entries.length - 1][0].toString('latin1');
        cork();
        void writer.xtrim(stream, 'MINID', cursor);
      }
      await writer.del(stream);
      return came;
    },
    async close() {
      open = false;
      await writer.del(inbox);
      reader.disconnect();
      streamReader.disconnect();
      writer.disconnect();
    },
  };
}

/**
 * @param {Env} env
 * @param {number} actors
 * @returns {Promise<Closable>}
 */
export async function idle(env, actors) {
  const reader = await connectRedis(env.redisUrl);
  const writer = await connectRedis(env.redisUrl);
  const mailboxes = Array.from({ length: actors }, (_, i) => `${env.prefix}:idle:${i}`);
  for (const mailbox of mailboxes) await writer.xgroup('CREATE', mailbox, GROUP, '0', 'MKSTREAM');
  let open = true;
  const read = async () => {
    const fresh = mailboxes.map(() => '>');
    while (open)
      await reader.xreadgroup(
        'GROUP',
        GROUP,
        'one',
        'COUNT',
        READ_COUNT,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        ...mailboxes,
        ...fresh,
      );
  };
  read().catch((error) => open && fail(error));
  return {
    async close() {
      open = false;
      reader.disconnect();
      writer.disconnect();
    },
  };
}

/**
 * @param {string} one
 * @param {string} other
 */
function earlier(one, other) {
  const [ms, seq] = one.split('-').map(Number);
  const [otherMs, otherSeq] = other.split('-').map(Number);
  return ms < otherMs || (ms === otherMs && seq < otherSeq) ? one : other;
}

/** @param {Error} error */
function ignoreBusyGroup(error) {
  if (!error.message.startsWith('BUSYGROUP')) throw error;
}

/** @param {unknown} error */
function fail(error) {
  process.nextTick(() => {
    throw error;
  });
}
