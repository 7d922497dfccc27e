/**
 * Homeostat's main job, on real input: two service processes with a thread pool each, and a caller. Half-way, one service
 * is killed. In the end the books have to add up; the exit code says whether they do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNode } from 'homeostat';
import { accounted, check } from './checks.ts';
import { deadChanges } from './dead-changes.ts';
import { introduce } from './introduce.ts';
import { killHalfWay } from './kill.ts';
import { Ledger, ledgerActor } from './ledger.ts';
import { showProgress } from './progress.ts';
import { readRepository } from './repository.ts';
import { Screen } from './screen.ts';
import { startService, type Service } from './services.ts';
import { connection, LOAD_SECONDS, redisUrl } from './settings.ts';
import { conclude, summarise } from './summary.ts';
import { Workload } from './workload.ts';

/** What was accepted is handled within this, s, or the books do not add up. */
const SETTLED_WITHIN = 15;

const began = performance.now();
const screen = new Screen();
const samples = await readRepository();

const caller = await createNode({ ...connection, name: 'caller', timeoutMs: 15_000 });
const books = new Ledger();
await caller.serve(ledgerActor(books));
const services: Service[] =
  redisUrl === undefined
    ? [await startService('service')]
    : await Promise.all(['service-1', 'service-2'].map(startService));
introduce(screen, samples, services);

const work = new Workload(caller, samples, books);
const started = performance.now();
const seconds = (): number => (performance.now() - started) / 1_000;
const progress = showProgress(screen, work, seconds);
const killing = redisUrl === undefined ? undefined : killHalfWay(screen, services, books, seconds);
const [, left] = await Promise.all([work.run(() => seconds() >= LOAD_SECONDS), killing]);
const workSeconds = seconds();

// Casts are accepted long before they are handled: wait until each is, or is a dead letter.
let dead = await deadChanges(caller);
while (!accounted(work, books, dead) && seconds() < workSeconds + SETTLED_WITHIN) {
  await sleep(50);
  dead = await deadChanges(caller);
}
progress.stop();

const evidence = { work, books, samples, services, dead, left };
const checks = check(evidence);
summarise(screen, evidence, workSeconds, checks);

await Promise.all(services.map((service) => service.close()));
await caller.close();
conclude(screen, checks, (performance.now() - began) / 1_000);
process.exitCode = checks.every(({ holds }) => holds) ? 0 : 1;
