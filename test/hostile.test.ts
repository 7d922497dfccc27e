/** A mailbox full of mutated frames: the node lives, neighbours are handled, the rest are dead letters. */
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { hostile, NEIGHBOUR, type Said } from './support/hostile.ts';
import { mutate } from './support/mutate.ts';
import { Program } from './support/program.ts';
import { Stage } from './support/stage.ts';

const FRAMES = Number(process.env['HOSTILE_FRAMES'] ?? 400_000);
const CHUNK = 2_000;
/** Sent by an honest caller with every chunk. */
const NEIGHBOURS = 5;
/** What the service may need above what it had before, bytes. */
const MORE_MEMORY_BYTES = 256 * 1024 * 1024;
/** One in so many entries also lies about how many envelopes it holds, or has no frame at all. */
const ODD_ONE_IN = 50;
const ODD_COUNTS = ['0', '2', '128', '129', '-1', '', 'one', '1e9', '99999999999999999999'];

test.serial('400,000 mutated frames kill nothing: neighbours are handled, the rest is dead (S0-48)', async (t) => {
  t.timeout(300_000);
  const stage = await Stage.open({ services: 0, rate: 0 });
  t.teardown(() => stage.close());
  const { redis, random } = stage;
  t.log(`seed ${random.seed}`);
  const mailbox = stage.key('mailbox:hostile@1');
  const caller = await stage.node('honest');
  const api = caller.client(hostile);

  await api.take.cast({ id: 'a message to be mutated' });
  const [[, fields] = []] = await redis.binary<[id: Buffer, fields: Buffer[]][]>('XRANGE', mailbox, '-', '+');
  const valid = fields![1]!;

  const service = await Program.start(
    fileURLToPath(new URL('support/hostile-service.js', import.meta.url)),
    'hostile-1',
    {
      REDIS_URL: redis.url,
      NAMESPACE: stage.namespace,
      HISTORY: stage.folder,
    },
  );
  t.teardown(() => service.end('SIGKILL', () => service.kill('SIGKILL')));
  let said: Said = { handled: 0, neighbours: 0, rssBytes: 0 };
  let mostMemory = 0;
  let leastMemory = Infinity;
  service.child.on('message', (message: Said) => {
    said = message;
    mostMemory = Math.max(mostMemory, said.rssBytes);
    leastMemory = Math.min(leastMemory, said.rssBytes);
  });

  const since = performance.now();
  let neighbours = 0;
  for (let sent = 0; sent < FRAMES; sent += CHUNK) {
    const entries = Array.from({ length: Math.min(CHUNK, FRAMES - sent) }, (): (string | Buffer)[] => {
      const frame = mutate(valid, random);
      if (random.below(ODD_ONE_IN) > 0) return ['f', frame, 'n', '1'];
      const odd = random.below(ODD_COUNTS.length + 1);
      return odd === ODD_COUNTS.length ? ['x', frame] : ['f', frame, 'n', ODD_COUNTS[odd]!];
    });
    const good = Array.from({ length: NEIGHBOURS }, () => api.take.cast({ id: `${NEIGHBOUR}${neighbours++}` }));
    await Promise.all([redis.batch(entries.map((entry) => ['xadd', mailbox, '*', ...entry])), ...good]);
  }
  const writtenMs = performance.now() - since;
  await stage.untilRedis<number>('the mailbox is empty', ['XLEN', mailbox], (left) => left === 0, 240_000);
  const tookMs = performance.now() - since;
  const told = said;
  await stage.until('the service has told its last count', () => said !== told);

  const dead = await redis.command<number>('XLEN', stage.key('dead:hostile@1'));
  const depth = await caller.depth(hostile);
  const inSeconds = (ms: number): string => (ms / 1_000).toFixed(1);
  t.log(
    `${FRAMES} frames and ${neighbours} neighbours, written in ${inSeconds(writtenMs)} s, all ended after ${inSeconds(tookMs)} s: ` +
      `${said.handled} handled, ${dead} dead; memory ${toMiB(leastMemory)} to ${toMiB(mostMemory)} MiB`,
  );
  t.true(service.alive);
  t.is(said.neighbours, neighbours);
  t.is(said.handled + dead, 1 + FRAMES + neighbours);
  t.deepEqual(
    { messages: depth.messages, waiting: depth.waiting, pending: depth.pending },
    { messages: 0, waiting: 0, pending: 0 },
  );
  t.true(mostMemory - leastMemory < MORE_MEMORY_BYTES);
  t.deepEqual(stage.history(), [], 'no process had to complain');
  t.is(await service.end('code 0', () => service.child.disconnect()), 'code 0');
  await caller.close();
});

function toMiB(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
