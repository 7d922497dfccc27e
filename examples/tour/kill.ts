import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../shared/until.ts';
import type { Ledger } from './ledger.ts';
import { bold, counted, red, type Screen } from './screen.ts';
import { isFaulty } from './seed.ts';
import { startService, type Service } from './services.ts';
import { LOAD_SECONDS } from './settings.ts';

/** What it held is finished by others within this, ms: two seconds until it is missed, and some to do the work. */
const TAKEN_OVER_WITHIN_MS = 15_000;

/** It is killed while it has this many changes in its hands; should that not come to pass within `WAIT_FOR_WORK_MS`, anyway. */
const WORTH_KILLING = 8;
const WAIT_FOR_WORK_MS = 1_000;

/**
 * Half-way, ends the last service with SIGKILL and starts another in its place. Answers the changes that it had begun and
 * not finished, once the others have finished them, or `TAKEN_OVER_WITHIN_MS` later.
 */
export async function killHalfWay(
  screen: Screen,
  services: Service[],
  books: Ledger,
  seconds: () => number,
): Promise<readonly number[]> {
  const event = (text: string): void => screen.line(`  ${seconds().toFixed(1).padStart(5)} s ${text}`);
  await sleep((LOAD_SECONDS / 2 - seconds()) * 1_000);

  const victim = services.at(-1)!;
  const held = (): number[] => books.heldBy(victim.pid).filter((op) => op % 2 === 1 || !isFaulty(op / 2));
  await until('work in its hands', () => held().length >= WORTH_KILLING, WAIT_FOR_WORK_MS).catch(() => {});
  victim.killedAt = seconds();
  await victim.kill?.();
  const killed = performance.now();
  const left = held();
  event(
    `${red('SIGKILL')} ${bold(victim.name)} is dead, with ${counted(left.length, 'change')} begun and not finished`,
  );

  const replaced = startService(`service-${services.length + 1}`).then((service) => {
    services.push(service);
    event(`${bold(service.name)} has taken its place`);
  });
  const takenOver = until('what it held', () => left.every((op) => books.finished.has(op)), TAKEN_OVER_WITHIN_MS).then(
    () =>
      event(
        `all of them are finished by others, ${((performance.now() - killed) / 1_000).toFixed(1)} s after its death`,
      ),
    () => event('they are still not finished'),
  );
  await Promise.all([replaced, takenOver]);
  return left;
}
