import { connectRedis } from './redis-client.js';

/** What the bench itself asks Redis: its own connection, whose cost it leaves out of what it counts. */
export class RedisProbe {
  #redis;

  /** @param {import('ioredis').Redis} redis */
  constructor(redis) {
    this.#redis = redis;
  }

  /** @param {string} url */
  static async connect(url) {
    return new RedisProbe(await connectRedis(url));
  }

  async version() {
    return (await this.#info('server')).redis_version;
  }

  /** Commands executed so far but INFO, those inside scripts included. */
  async commands() {
    let total = 0;
    for (const [name, value] of Object.entries(await this.#info('commandstats'))) {
      if (name !== 'cmdstat_info') total += Number(/calls=(\d+)/.exec(value)?.[1] ?? 0);
    }
    return total;
  }

  /**
   * Counts the commands that clients send from now on, those inside scripts not included.
   *
   * @returns {Promise<() => number>} ends the counting and tells
   */
  async countSent() {
    const monitor = await this.#redis.monitor();
    let sent = 0;
    monitor.on('monitor', (/** @type {string} */ _time, /** @type {string[]} */ args, /** @type {string} */ source) => {
      if (source !== 'lua' && args[0].toLowerCase() !== 'info') sent++;
    });
    return () => {
      monitor.disconnect();
      return sent;
    };
  }

  async connections() {
    return Number((await this.#info('clients')).connected_clients);
  }

  /** Bytes Redis uses, without the buffers of its clients. */
  async usedBytes() {
    const memory = await this.#info('memory');
    return Number(memory.used_memory) - Number(memory.mem_clients_normal);
  }

  /** @param {string} prefix deletes every key that has it */
  async deleteKeys(prefix) {
    for await (const keys of this.#redis.scanStream({ match: `*${prefix}*`, count: 1_000 })) {
      if (keys.length > 0) await this.#redis.unlink(...keys);
    }
  }

  close() {
    this.#redis.disconnect();
  }

  /** @param {string} section */
  async #info(section) {
    /** @type {Record<string, string>} */
    const fields = {};
    for (const line of (await this.#redis.info(section)).split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1);
    }
    return fields;
  }
}
