/** Keyed actors over real processes that are killed: order and state of every key hold, each message is applied once. */
import test from 'ava';
import { KeyedStage } from './support/keyed-stage.ts';
import { random } from './support/random.ts';
import { BEAT } from './support/work.ts';

const KEYS = 100;
/** Of each key. */
const MESSAGES = 1_000;
const SERVICES = 4;
/** Between two kills, ms. */
const KILL_EVERY_MS: number = BEAT.ttlMs + 3_000;
/** At least so many kills, however soon the work is done. */
const KILLS = 3;
const DRAIN_MS = 60_000;

test.serial(
  `${KEYS} keys × ${MESSAGES} messages over ${SERVICES} processes with a SIGKILL every TTL + 3 s: in order, applied once`,
  async (t) => {
    t.timeout(240_000);
    const { seed, below } = random();
    t.log(`seed ${seed}`);
    const stage = await KeyedStage.open(SERVICES);
    t.teardown(() => stage.close());
    const keys = Array.from({ length: KEYS }, (_, key) => `key-${key}`);
    const { api } = stage;
    let sent = 0;
    let kills = 0;
    let going = true;
    const replacements: Promise<unknown>[] = [];
    const killing = (async () => {
      while (going) {
        await new Promise((resolve) => setTimeout(resolve, KILL_EVERY_MS));
        if (!going || stage.services.length < 2) continue;
        await stage.kill(stage.services[below(stage.services.length)]!);
        kills += 1;
        replacements.push(stage.start());
      }
    })();
    const startedAt = Date.now();
    // Spread over the kills: what is sent at once is done before the second.
    const pauseMs = (KILLS * KILL_EVERY_MS) / MESSAGES;
    for (let n = 0; n < MESSAGES; n += 1) {
      await Promise.all(keys.map((key) => api.apply.cast({ n }, { key })));
      sent += keys.length;
      const ahead = startedAt + n * pauseMs - Date.now();
      if (ahead > 5) await new Promise((resolve) => setTimeout(resolve, ahead));
    }
    const sentMs = Date.now() - startedAt;
    while (kills < KILLS) await new Promise((resolve) => setTimeout(resolve, 50));
    going = false;
    await killing;
    await Promise.all(replacements);
    const faults = await stage.faults(keys, MESSAGES, DRAIN_MS);
    t.log(`${sent} sent in ${sentMs} ms, ${kills} kills, done after ${Date.now() - startedAt} ms`);
    t.deepEqual(faults, []);
  },
);
