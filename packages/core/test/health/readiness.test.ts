import test from 'ava';
import { setUp, type Stage } from './stage.ts';

/** Beats answered every second until the hands have turned by `ms`. */
async function live(stage: Stage, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    await stage.clock.advance(1_000);
    stage.facts.lastBeatAt = stage.clock.elapsed();
  }
}

test('a node is ready as a member that beats and is connected, and says why it is not', async (t) => {
  using stage = setUp();
  stage.facts.lastBeatAt = undefined;
  t.deepEqual(stage.health.readiness(), { ready: false, reasons: ['no beat was answered yet'] });
  stage.facts.lastBeatAt = stage.clock.elapsed();
  t.deepEqual(stage.health.readiness(), { ready: true, reasons: [] });
  stage.facts.unserved = ['users@1'];
  t.deepEqual(stage.health.readiness().reasons, ['users@1 is not read']);
  stage.facts.unserved = [];
  stage.facts.draining = true;
  t.deepEqual(stage.health.readiness().reasons, ['the node is draining']);
  stage.facts.closed = true;
  t.deepEqual(stage.health.readiness().reasons, ['the node is closed']);
});

test('readiness is red within 2 s of a lost backend, whether or not that is noticed (S3-44)', async (t) => {
  using stage = setUp();
  await live(stage, 5_000);
  t.true(stage.health.readiness().ready);
  await stage.clock.advance(2_001);
  t.deepEqual(stage.health.readiness().reasons, ['no beat was answered for 2000 ms']);

  using noticed = setUp();
  await live(noticed, 5_000);
  noticed.facts.backendConnected = false;
  t.deepEqual(noticed.health.readiness().reasons, ['the backend is not connected']);
});

test('after a loss a node is ready only with proof: a beat, a round trip and a read since (S3-44)', async (t) => {
  using stage = setUp();
  stage.facts.readersProgressAt = 0;
  await live(stage, 3_000);
  stage.facts.backendConnected = false;
  t.false(stage.health.readiness().ready);
  await stage.clock.advance(1_000);
  stage.roundTrip = async () => {
    throw new Error('still away');
  };
  stage.facts.backendConnected = true;
  t.deepEqual(stage.health.readiness().reasons, [
    'no beat was answered since the loss',
    'no round trip since the loss',
    'no mailbox was read since the loss',
  ]);
  await live(stage, 1_000);
  t.deepEqual(stage.health.readiness().reasons, ['no round trip since the loss', 'no mailbox was read since the loss']);
  stage.roundTrip = async () => 1;
  await live(stage, 2_000);
  t.deepEqual(stage.health.readiness().reasons, ['no mailbox was read since the loss']);
  stage.facts.readersProgressAt = stage.clock.elapsed();
  t.true(stage.health.readiness().ready);
});

test('a loss between two questions is not missed (S3-44)', async (t) => {
  using stage = setUp();
  await live(stage, 3_000);
  t.true(stage.health.readiness().ready);
  stage.facts.member = false;
  await stage.clock.advance(1_000);
  stage.facts.member = true;
  stage.facts.lastBeatAt = stage.clock.elapsed();
  t.deepEqual(stage.health.readiness().reasons, [
    'no beat was answered since the loss',
    'no round trip since the loss',
  ]);
  await live(stage, 2_000);
  t.true(stage.health.readiness().ready);
});

test('a process is alive unless its loop stood for longer than the eviction time or its node is closed', async (t) => {
  const stage = setUp();
  t.deepEqual(stage.health.liveness(), { alive: true, reasons: [] });
  stage.delayMs = 29_000;
  await stage.clock.advance(1_000);
  t.true(stage.health.liveness().alive);
  stage.delayMs = 31_000;
  await stage.clock.advance(1_000);
  t.deepEqual(stage.health.liveness().reasons, ['the event loop stood for more than 30000 ms']);
  stage.delayMs = 0;
  await stage.clock.advance(1_000);
  t.true(stage.health.liveness().alive);
  stage.health.close();
  t.deepEqual(stage.health.liveness().reasons, ['the node is closed']);
});
