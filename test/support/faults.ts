/** One round of each fault. A round proves that the fault has hit, and ends when the system is steady again. */
import type { Allowances, Findings } from './checker.ts';
import { pause, Stage, type StageOptions } from './stage.ts';
import { BEAT } from './work.ts';
import type { Program } from './program.ts';

export interface Fault {
  readonly name: string;
  readonly allowed: Allowances;
  /** Throws when the fault could not be provoked, or when what must hold during the round does not. */
  round(stage: Stage): Promise<void>;
}

/** Steady again after FLUSHALL, and a cut read delivered again, within this, ms. */
const SOON_MS = 2_000;
/** What a dead node held is taken up within this, ms. */
const TAKEN_UP_MS: number = BEAT.ttlMs + 1_000;
/** A connection that has fallen silent is given up, and its work done, within this, ms. */
const NOTICED_MS = 5_000;
/** Tries to interrupt a handler; between seeing it run and the signal it may have ended. */
const TRIES = 20;
/** Rounds begin at a chance moment of the load, ms. */
const MOST_WAIT_MS = 100;

export const MAILBOX = 'work@1';
const MEMORY_FULL = '1mb';

export const holds =
  (text: string) =>
  (bytes: Buffer): boolean =>
    bytes.includes(text);

/** The field that carries a frame, as an answer spells it. */
export const FRAME_FIELD = '\r\n$1\r\nf\r\n';

export function entryIds(answer: Buffer | undefined): string[] {
  return answer?.toString('latin1').match(/\b\d{13}-\d+\b/g) ?? [];
}

/** Interrupts a service by a signal while handlers of its run; answers it and what they were handling. */
async function interrupt(stage: Stage, signal: 'SIGKILL' | 'SIGSTOP'): Promise<[victim: Program, held: string[]]> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const victim = await stage.busy();
    if (signal === 'SIGKILL') await stage.endService(victim, signal);
    else {
      victim.kill(signal);
      // The signal has taken effect once nothing more is written down.
      await pause(20);
    }
    const held = stage.running(victim);
    if (held.length > 0) return [victim, held];
    if (signal === 'SIGKILL') await stage.startService();
    else victim.kill('SIGCONT');
  }
  throw new Error(`no handler could be interrupted in ${TRIES} tries`);
}

/** Waits until others have started what the victim held. */
async function takenUp(stage: Stage, victim: Program, held: readonly string[]): Promise<void> {
  await stage.until(
    'others take up what the victim held',
    (history) => {
      const others = new Set(
        history.flatMap((one) => (one.type === 'start' && !victim.owns(one.node) ? [one.id] : [])),
      );
      return held.every((id) => others.has(id));
    },
    TAKEN_UP_MS,
  );
}

async function refusals(stage: Stage, code: string): Promise<number> {
  const stats = await stage.redis.command<string>('INFO', 'errorstats');
  return Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(stats)?.[1] ?? 0);
}

async function nobodyDied(stage: Stage, before: readonly string[], when: string): Promise<void> {
  const after = await stage.memberIds();
  const dead = before.filter((id) => !after.includes(id));
  if (dead.length > 0) throw new Error(`declared dead ${when}: ${dead.join(', ')}`);
}

export const faults: readonly Fault[] = [
  {
    name: 'SIGKILL of a consumer in the middle of a handler',
    allowed: { repeats: true },
    async round(stage) {
      const [victim, held] = await interrupt(stage, 'SIGKILL');
      await takenUp(stage, victim, held);
      await stage.startService();
      await stage.steady();
    },
  },
  {
    name: 'SIGSTOP of a consumer past its TTL, then SIGCONT',
    allowed: { repeats: true },
    async round(stage) {
      const [victim, held] = await interrupt(stage, 'SIGSTOP');
      try {
        await takenUp(stage, victim, held);
        await pause(BEAT.ttlMs / 2);
      } finally {
        victim.kill('SIGCONT');
      }
      const woken = Date.now();
      let former = '';
      await stage.until('the zombie learns that it is no member', (history) =>
        history.some((one) => {
          if (one.type !== 'evicted' || one.at < woken || !victim.owns(one.node)) return false;
          former = one.node;
          return true;
        }),
      );
      await stage.until('it serves again under a new id', (history) =>
        history.some((one) => one.type === 'start' && one.at > woken && victim.owns(one.node) && one.node !== former),
      );
      await stage.steady();
    },
  },
  {
    name: 'a connection cut on the reply of an append',
    allowed: { repeats: false },
    async round(stage) {
      const { lost } = stage.callerProxy;
      const before = lost.length;
      // Only an append names the mailbox on the caller's connections, and only acceptance answers with an id.
      stage.callerProxy.cutOnReply({
        request: holds(`:mailbox:${MAILBOX}`),
        reply: (answer) => entryIds(answer).length > 0,
      });
      await stage.until('the connection was cut', () => lost.length > before);
      const [id] = entryIds(lost.at(-1));
      await stage.until('the entry whose acceptance was lost is in the mailbox', (history) =>
        history.some((one) => one.type === 'claim' && one.entry === `${MAILBOX} ${id}`),
      );
      await stage.steady();
    },
  },
  {
    name: 'a connection cut on the reply of a read',
    allowed: { repeats: false },
    async round(stage) {
      const { lost } = stage.serviceProxy;
      const before = lost.length;
      stage.serviceProxy.cutOnReply({ request: holds('xreadgroup'), reply: holds(FRAME_FIELD) });
      await stage.until('the connection was cut', () => lost.length > before);
      const ids = entryIds(lost.at(-1));
      if (ids.length === 0) throw new Error('the cut read held no entry');
      await stage.until(
        'what the cut read held is delivered again',
        (history) => {
          const claimed = new Set(history.flatMap((one) => (one.type === 'claim' ? [one.entry] : [])));
          return ids.every((id) => claimed.has(`${MAILBOX} ${id}`));
        },
        SOON_MS,
      );
      await stage.steady();
    },
  },
  {
    name: 'connections that fall silent without a word',
    allowed: { repeats: false },
    async round(stage) {
      const members = await stage.memberIds();
      stage.serviceProxy.silence();
      const silent = Date.now();
      await stage.steady();
      await stage.until(
        'what was under way is handled',
        (history) => {
          const ended = new Set(history.flatMap((one) => (one.type === 'end' ? [one.id] : [])));
          return history.every((one) => one.type !== 'ok' || one.at > silent || ended.has(one.id));
        },
        NOTICED_MS,
      );
      await nobodyDied(stage, members, 'because connections fell silent');
    },
  },
  {
    name: 'SIGKILL of Redis with AOF, and its restart',
    allowed: { repeats: false },
    async round(stage) {
      const members = await stage.memberIds();
      await stage.redis.kill();
      await pause(200);
      await stage.redis.restart();
      await stage.steady();
      await nobodyDied(stage, members, 'while Redis was away');
    },
  },
  {
    name: 'maxmemory reached, then lifted',
    allowed: { repeats: false },
    async round(stage) {
      const members = await stage.memberIds();
      const before = await refusals(stage, 'OOM');
      await stage.busy();
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', MEMORY_FULL);
      await pause(1.5 * BEAT.ttlMs);
      await stage.untilRedis<number>(
        'a full Redis drains',
        ['XLEN', stage.key(`mailbox:${MAILBOX}`)],
        (left) => left === 0,
      );
      await nobodyDied(stage, members, 'while the memory was full');
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', '0');
      if ((await refusals(stage, 'OOM')) === before) throw new Error('Redis never refused anything for want of memory');
      await stage.steady();
    },
  },
  {
    name: 'CLIENT PAUSE WRITE for twice the TTL',
    allowed: { repeats: false },
    async round(stage) {
      const members = await stage.memberIds();
      const pauseMs = 2 * BEAT.ttlMs;
      await stage.redis.command('CLIENT', 'PAUSE', pauseMs, 'WRITE');
      const paused = Date.now();
      await pause(pauseMs);
      await stage.steady();
      await pause(BEAT.ttlMs);
      // What was accepted just before may still have been on its way.
      const accepted = stage
        .history()
        .some((one) => one.type === 'ok' && one.at > paused + pauseMs / 4 && one.at < paused + (3 * pauseMs) / 4);
      if (accepted) throw new Error('writes were not paused');
      await nobodyDied(stage, members, 'while writes were paused');
    },
  },
  {
    name: 'SCRIPT FLUSH under load',
    allowed: { repeats: false },
    async round(stage) {
      const before = await refusals(stage, 'NOSCRIPT');
      for (let flushed = 0; flushed < 5; flushed += 1) {
        await stage.redis.command('SCRIPT', 'FLUSH');
        await pause(50);
      }
      await stage.steady();
      if ((await refusals(stage, 'NOSCRIPT')) === before) throw new Error('no script was missed');
    },
  },
  {
    name: 'FLUSHALL',
    allowed: { repeats: true },
    async round(stage) {
      const safe = await stage.caughtUp();
      await stage.redis.command('FLUSHALL');
      const tookMs = await stage.steady();
      stage.losses.push([safe, Date.now()]);
      if (tookMs > SOON_MS) throw new Error(`steady only ${Math.round(tookMs)} ms after FLUSHALL`);
      await stage.steady();
    },
  },
];

/** Runs rounds of one fault on a stage of its own and answers what the checker says. `after` is told of each round. */
export async function play(
  fault: Fault,
  rounds: number,
  options: StageOptions = {},
  after: (round: number) => void = () => {},
): Promise<Findings> {
  const stage = await Stage.open(options);
  try {
    await stage.steady();
    for (let round = 1; round <= rounds; round += 1) {
      await pause(stage.random.below(MOST_WAIT_MS));
      await fault.round(stage);
      after(round);
    }
    const findings = await stage.drain(fault.allowed);
    if (findings.accepted === 0) throw new Error('nothing was accepted: the rounds prove nothing');
    return findings;
  } catch (error) {
    throw new Error(`${fault.name}, seed ${stage.random.seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await stage.close();
  }
}
