/** A large house: what membership costs a node does not grow with the number of nodes, and a death is known everywhere. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { redis } from 'homeostat';
import { waitFor } from 'homeostat/testing';
import type { Link, NodeReport, NodeVitals } from '@homeostat/core/backend';
import { endsWithUs } from './support/keeper.ts';
import { RedisProcess } from './support/redis-process.ts';

const FEW = 20;
const MANY = 200;
const ACTORS = 20;
const BEAT = { intervalMs: 500, ttlMs: 3_000, stallMs: 60_000, evictMs: 120_000 };
/** Lifetimes are refreshed with every tenth beat. */
const MEASURED_BEATS = 10;
const quiet = { ...console, trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {}, child: () => quiet };

const report = (name: string): NodeReport => ({
  name,
  pid: process.pid,
  host: 'many',
  startedAt: 0,
  status: 'healthy',
  serves: Object.fromEntries(
    Array.from({ length: ACTORS }, (_, index) => [
      `service-${index}@1`,
      { version: '1.0.0', methods: ['get', 'put'], status: 'healthy', weight: 1, tags: [], meta: {} },
    ]),
  ),
});

/** They change with every beat, as those of a busy node do. */
const vitals = (): NodeVitals => ({
  inFlight: Math.floor(Math.random() * 64),
  load: Math.random(),
  loopDelayMs: 0,
  memoryMb: 64,
  actors: {},
  serviceMs: {},
  checks: {},
});

class Crowd {
  readonly expired: string[][] = [];
  /** The last news that each has read. */
  readonly #read: number[] = [];
  readonly #beats: number[] = [];
  readonly #redis: RedisProcess;
  readonly #links: Link[] = [];

  constructor(redis: RedisProcess) {
    this.#redis = redis;
  }

  async grow(size: number): Promise<void> {
    const backend = redis({ url: this.#redis.url, beatThread: false });
    while (this.#links.length < size) {
      const name = `n${this.#links.length}`;
      const link = await backend.connect({ name, namespace: 'many', beat: BEAT, log: quiet as never });
      this.#links.push(link);
      const expired: string[] = [];
      const index = this.expired.push(expired) - 1;
      await link.membership.join(
        { report: () => report(name), vitals },
        {
          evicted: () => {},
          inbox: () => {},
          alerts: () => {},
          beaten: () => {
            this.#beats[index] = (this.#beats[index] ?? 0) + 1;
          },
          news: (items) => {
            this.#read[index] = items.at(-1)!.seq;
            for (const { kind, id } of items) if (kind === 'expired') expired.push(id);
          },
        },
      );
    }
  }

  /** Commands and bytes that a node costs with each beat while nothing changes. */
  async costs(): Promise<{ readonly commands: number; readonly bytes: number }> {
    const { seq } = await this.#links[0]!.membership.members();
    // The last one joined with the last news.
    const caughtUp = (): boolean => this.#read.slice(0, -1).every((read) => read >= seq);
    await waitFor(caughtUp, { withinMs: 20_000, what: 'all to have read the news' });
    // Who is there changes what a node watches, with its next beat.
    await this.#allBeat(3);
    const [before, start] = [await this.#totals(), this.#beaten()];
    await this.#allBeat(MEASURED_BEATS);
    const [after, beats] = [await this.#totals(), this.#beaten() - start];
    return { commands: (after.commands - before.commands) / beats, bytes: (after.bytes - before.bytes) / beats };
  }

  #beaten(): number {
    return this.#beats.reduce((sum, beats) => sum + beats, 0);
  }

  async #allBeat(times: number): Promise<void> {
    const before = [...this.#beats];
    const beaten = (): boolean => this.#beats.every((count, index) => count >= (before[index] ?? 0) + times);
    await waitFor(beaten, { withinMs: 30_000, what: `all to have beaten ${times} times` });
  }

  async close(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.close()));
  }

  async #totals(): Promise<{ readonly commands: number; readonly bytes: number }> {
    const info = await this.#redis.command<string>('INFO', 'stats');
    const figure = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1]);
    return {
      commands: figure('total_commands_processed'),
      bytes: figure('total_net_input_bytes') + figure('total_net_output_bytes'),
    };
  }
}

test.serial(
  '200 nodes with 20 actors each: membership costs a node what it costs among 20, and a death is known to all',
  async (t) => {
    t.timeout(110_000);
    const server = await RedisProcess.start();
    t.teardown(() => server.stop());
    const crowd = new Crowd(server);
    t.teardown(() => crowd.close());

    await crowd.grow(FEW);
    const few = await crowd.costs();
    await crowd.grow(MANY);
    const many = await crowd.costs();
    t.log(`among ${FEW}: ${few.commands.toFixed(1)} commands and ${few.bytes.toFixed(0)} B a node and beat`);
    t.log(`among ${MANY}: ${many.commands.toFixed(1)} commands and ${many.bytes.toFixed(0)} B a node and beat`);
    t.true(many.commands < few.commands * 1.3);
    t.true(many.bytes < few.bytes * 1.3);

    // Two hundred nodes in one process are late now and then: of three deaths the middle one counts.
    const tookMs = [await deathMs(server, crowd), await deathMs(server, crowd), await deathMs(server, crowd)];
    t.log(`deaths were known to all ${MANY} after ${tookMs.join(', ')} ms; the TTL is ${BEAT.ttlMs} ms`);
    t.true(tookMs.sort((one, other) => one - other)[1]! < BEAT.ttlMs + 1_000);
    t.true(
      crowd.expired.every((ids) => new Set(ids).size === 3 && ids.length === 3),
      'and told once each',
    );
  },
);

/** From the death of a process until everybody has been told of it. */
async function deathMs(server: RedisProcess, crowd: Crowd): Promise<number> {
  const env = { ...process.env, REDIS_URL: server.url, NAMESPACE: 'many', NAME: 'victim', LOG_LEVEL: 'silent' };
  const child = fork(fileURLToPath(new URL('support/server.js', import.meta.url)), { env });
  endsWithUs(child);
  const [{ ready: victim }] = (await once(child, 'message')) as [{ ready: string }];
  child.kill('SIGKILL');
  const killedAt = performance.now();
  await waitFor(() => crowd.expired.every((ids) => ids.includes(victim)), { withinMs: 20_000, what: 'all to know' });
  return Math.round(performance.now() - killedAt);
}
