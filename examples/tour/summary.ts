import { shareOf, type Check, type Evidence } from './checks.ts';
import type { Meter } from './meter.ts';
import { bold, counted, dim, green, ms, number, red, type Screen } from './screen.ts';
import { isFaulty } from './seed.ts';
import { namespace, redisUrl } from './settings.ts';

/** Prints what was done, by whom, and whether it adds up. */
export function summarise(screen: Screen, evidence: Evidence, seconds: number, checks: readonly Check[]): void {
  screen.line();
  screen.line(
    `  ${bold('Work')}${dim('                            sent       done   per second        p50        p99    slowest')}`,
  );
  work(screen, 'files: count words, hash', evidence.work.examine, seconds);
  work(screen, 'users: get', evidence.work.get, seconds);
  work(screen, 'users: create, update', evidence.work.change, seconds);
  screen.line(dim('  a call is done with its reply, a cast (create, update) once it is accepted'));
  screen.line();
  screen.line(`  ${bold('Processes')}`);
  processes(screen, evidence);
  screen.line();
  screen.line(`  ${bold('Redelivered')}`);
  redelivered(screen, evidence);
  screen.line();
  screen.line(`  ${bold('Proof')}`);
  for (const { holds, says } of checks) screen.line(`  ${holds ? green('✓') : red('✗')} ${says}`);
  screen.line();
}

function work(screen: Screen, title: string, meter: Meter, seconds: number): void {
  const columns = [
    number(meter.sent).padStart(11),
    number(meter.answered).padStart(11),
    number(Math.round(meter.answered / seconds)).padStart(13),
    ms(meter.percentile(0.5)).padStart(11),
    ms(meter.percentile(0.99)).padStart(11),
    ms(meter.percentile(1)).padStart(11),
  ];
  screen.line(`  ${title.padEnd(26)}${columns.join('')}`);
}

function processes(screen: Screen, evidence: Evidence): void {
  const { examine, get } = evidence.work;
  screen.line(
    `  ${'caller'.padEnd(12)}${number(examine.sent + get.sent)} calls, ${number(examine.answered + get.answered)} replies`,
  );
  for (const { name, pid, killedAt } of evidence.services) {
    const killed = killedAt === undefined ? '' : `, killed at ${killedAt.toFixed(1)} s`;
    screen.line(`  ${name.padEnd(12)}${number(shareOf(evidence, pid))} messages handled${killed}`);
  }
}

function redelivered(screen: Screen, { books, left }: Evidence): void {
  const refused = [...books.begunAgain].filter((op) => op % 2 === 0 && isFaulty(op / 2)).length;
  screen.line(
    `  ${counted(refused, 'change')} that failed: users without an e-mail address, dead letters after 3 deliveries`,
  );
  if (left === undefined) return;
  const taken = books.begunAgain.size - refused;
  const twice =
    books.reportedAgain === 0 ? '' : `, ${number(books.reportedAgain)} of them finished twice and counted once`;
  screen.line(`  ${counted(taken, 'change')} whose process was gone before they were settled${twice}`);
}

/** The last lines. */
export function conclude(screen: Screen, checks: readonly Check[], seconds: number): void {
  const wrong = checks.filter(({ holds }) => !holds).length;
  const took = `${seconds.toFixed(1)} s in all`;
  screen.line(
    wrong === 0
      ? `  ${green('Everything adds up.')} ${took}`
      : `  ${red(`${wrong} of ${checks.length} sums do not hold.`)} ${took}`,
  );
  if (redisUrl !== undefined) {
    screen.line(dim(`  In a Redis that stays, this removes what is left of the run:`));
    screen.line(dim(`  redis-cli --scan --pattern '{${namespace}*' | xargs -r redis-cli unlink`));
  }
  screen.line();
}
