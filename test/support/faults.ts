/** One round of each fault. A round ends when the system is steady again. */
import type { Allowances } from './checker.ts';
import type { Stage, StageOptions } from './stage.ts';
import { BEAT } from './work.ts';

export interface Fault {
  readonly name: string;
  readonly options?: StageOptions;
  readonly allowed: Allowances;
  /** Throws when what must hold during the round does not. */
  round(stage: Stage): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Steady again after FLUSHALL, and a cut read delivered again, within this, ms. */
const SOON_MS = 2_000;

const contains = (text: string) => {
  const bytes = Buffer.from(text);
  return (request: Buffer): boolean => request.includes(bytes);
};

export const faults: readonly Fault[] = [
  {
    name: 'SIGKILL of a consumer in the middle of a handler',
    allowed: { repeats: true },
    async round(stage) {
      await stage.killService();
      await stage.steady();
    },
  },
  {
    name: 'SIGSTOP of a consumer past its TTL, then SIGCONT',
    allowed: { repeats: true },
    async round(stage) {
      const [victim] = stage.services;
      victim!.kill('SIGSTOP');
      await pause(2.5 * BEAT.ttlMs);
      victim!.kill('SIGCONT');
      await stage.steady();
    },
  },
  {
    name: 'a connection cut on the reply of an append',
    allowed: { repeats: false },
    async round(stage) {
      const before = stage.callerProxy.cuts;
      // The frame goes to the mailbox key: only an append names it on the caller's connections.
      stage.callerProxy.cutOnReply(contains(':mailbox:work@1'));
      await stage.waitFor('the connection was cut', () => stage.callerProxy.cuts > before);
      await stage.steady();
    },
  },
  {
    name: 'a connection cut on the reply of a read',
    allowed: { repeats: false },
    async round(stage) {
      const before = stage.serviceProxy.cuts;
      stage.serviceProxy.cutOnReply(contains('xreadgroup'));
      await stage.waitFor('the connection was cut', () => stage.serviceProxy.cuts > before);
      const cutAt = Date.now();
      await stage.steady();
      await stage.until('what the cut read held has been handled', (history) => {
        const ended = new Set(history.flatMap((one) => (one.type === 'end' ? [one.id] : [])));
        return history.every((one) => one.type !== 'ok' || one.at > cutAt || ended.has(one.id));
      }, SOON_MS);
    },
  },
  {
    name: 'SIGKILL of Redis with AOF, and its restart',
    allowed: { repeats: true },
    async round(stage) {
      await stage.redis.kill();
      await pause(200);
      await stage.redis.restart();
      await stage.steady();
    },
  },
  {
    name: 'maxmemory reached, then lifted',
    allowed: { repeats: false },
    async round(stage) {
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
      await pause(1.5 * BEAT.ttlMs);
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', '0');
      await stage.steady();
    },
  },
  {
    name: 'CLIENT PAUSE WRITE for twice the TTL',
    allowed: { repeats: false },
    async round(stage) {
      const before = await stage.memberIds();
      await stage.redis.command('CLIENT', 'PAUSE', 2 * BEAT.ttlMs, 'WRITE');
      await pause(2 * BEAT.ttlMs);
      await stage.steady();
      await pause(BEAT.ttlMs);
      const after = await stage.memberIds();
      const dead = before.filter((id) => !after.includes(id));
      if (dead.length > 0) throw new Error(`declared dead while writes were paused: ${dead.join(', ')}`);
    },
  },
  {
    name: 'SCRIPT FLUSH under load',
    allowed: { repeats: false },
    async round(stage) {
      for (let flushed = 0; flushed < 5; flushed += 1) {
        await stage.redis.command('SCRIPT', 'FLUSH');
        await pause(50);
      }
      await stage.steady();
    },
  },
  {
    name: 'FLUSHALL',
    allowed: { repeats: true },
    async round(stage) {
      await stage.redis.command('FLUSHALL');
      const tookMs = await stage.steady();
      stage.lostBefore = Date.now();
      if (tookMs > SOON_MS) throw new Error(`steady only ${Math.round(tookMs)} ms after FLUSHALL`);
    },
  },
];

/** Runs rounds of one fault on a stage of its own and answers what the checker says. */
export async function play(fault: Fault, rounds: number, open: (options?: StageOptions) => Promise<Stage>): Promise<readonly string[]> {
  const stage = await open(fault.options);
  try {
    await stage.steady();
    for (let round = 0; round < rounds; round += 1) await fault.round(stage);
    const findings = await stage.drain({ ...fault.allowed, ...(stage.lostBefore === undefined ? undefined : { lossBefore: stage.lostBefore }) });
    return findings.accepted > 0 ? findings.faults : ['nothing was accepted: the round proves nothing'];
  } finally {
    await stage.close();
  }
}

