/** How long the keys of an owner that dies stand still: real processes, real time. */
import test from 'ava';
import { KeyedStage } from './support/keyed-stage.ts';
import { BEAT } from './support/work.ts';

const KEYS = 64;
const SERVICES = 3;
const DEATHS = 6;
/** From its death until all that it owned is handled elsewhere, ms. */
const IN_TIME_MS: number = BEAT.ttlMs + 1_000;

test.serial(
  "a dead owner's partitions move within TTL + 1 s: by then each of its keys has been handled elsewhere",
  async (t) => {
    t.timeout(90_000);
    const stage = await KeyedStage.open(SERVICES);
    t.teardown(() => stage.close());
    const { api } = stage;
    const keys = Array.from({ length: KEYS }, (_, key) => `key-${key}`);
    const tookMs: number[] = [];
    for (let n = 0; n < DEATHS; n += 1) {
      await Promise.all(keys.map((key) => api.apply({ n }, { key })));
      const [victim] = stage.services;
      await stage.until('it to own partitions', async () => (await stage.owned(victim!)) > 0, IN_TIME_MS);
      const diedAt = performance.now();
      await stage.kill(victim!);
      const pages = await Promise.all(keys.map((key) => api.read(undefined, { key })));
      tookMs.push(Math.round(performance.now() - diedAt));
      t.true(
        pages.every(({ count }) => count === n + 1),
        'each has what was applied before',
      );
      await stage.start();
      await stage.until('the next one to be seen', () => stage.serving() === SERVICES, IN_TIME_MS);
    }
    t.log(`TTL ${BEAT.ttlMs} ms; all handled elsewhere after ${tookMs.join(', ')} ms`);
    t.true(Math.max(...tookMs) < IN_TIME_MS, tookMs.join(', '));
  },
);
