/**
 * Many rounds of every fault. A line for each round, a table at the end, exit code 1 when anything was found.
 *
 *   --rounds n     rounds of each fault, 30 unless told otherwise
 *   --fault text   only faults whose name holds this
 *   --seed n       the chance moments of a former run
 */
import { parseArgs } from 'node:util';
import { faults, play, type Fault } from './support/faults.ts';
import { random } from './support/random.ts';

/** Rounds played on one stage: its history stays small, and every fault also meets fresh processes. */
const ROUNDS_A_STAGE = 5;

interface Row {
  readonly fault: string;
  rounds: number;
  accepted: number;
  handled: number;
  repeated: number;
  unknown: number;
  readonly findings: string[];
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (since: number): string => `${((performance.now() - since) / 1_000).toFixed(1)} s`;

async function soak(fault: Fault, rounds: number, seedOf: () => number): Promise<Row> {
  const row: Row = { fault: fault.name, rounds: 0, accepted: 0, handled: 0, repeated: 0, unknown: 0, findings: [] };
  for (let played = 0; played < rounds; played += ROUNDS_A_STAGE) {
    const seed = seedOf();
    const before = row.findings.length;
    let since = performance.now();
    try {
      const findings = await play(fault, Math.min(ROUNDS_A_STAGE, rounds - played), { seed }, () => {
        row.rounds += 1;
        say(`${fault.name}: round ${row.rounds} of ${rounds}, ${seconds(since)}`);
        since = performance.now();
      });
      row.accepted += findings.accepted;
      row.handled += findings.handled;
      row.repeated += findings.repeated;
      row.unknown += findings.unknown;
      row.findings.push(...findings.faults.map((found) => `${found} (seed ${seed})`));
    } catch (error) {
      row.findings.push((error as Error).message);
    }
    for (const found of row.findings.slice(before)) say(`FOUND ${found}`);
  }
  return row;
}

function table(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ fault }) => fault.length));
  const line = (name: string, cells: readonly (string | number)[]): void =>
    say(`${name.padEnd(width)} ${cells.map((cell) => String(cell).padStart(9)).join(' ')}`);
  line('fault', ['rounds', 'accepted', 'handled', 'repeated', 'unknown', 'findings']);
  for (const { fault, rounds, accepted, handled, repeated, unknown, findings } of rows)
    line(fault, [rounds, accepted, handled, repeated, unknown, findings.length]);
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '30' }, fault: { type: 'string' }, seed: { type: 'string' } },
});
const rounds = Number(values.rounds);
const chosen = faults.filter(({ name }) => name.toLowerCase().includes((values.fault ?? '').toLowerCase()));
if (!Number.isInteger(rounds) || rounds < 1 || chosen.length === 0) {
  say(
    `--rounds must be a whole number from 1, --fault part of one of:\n  ${faults.map(({ name }) => name).join('\n  ')}`,
  );
  process.exit(2);
}
const chance = random(values.seed === undefined ? undefined : Number(values.seed));
say(`seed ${chance.seed}`);
const since = performance.now();
const rows: Row[] = [];
for (const fault of chosen) rows.push(await soak(fault, rounds, () => chance.below(2 ** 32)));
say('');
table(rows);
const found = rows.flatMap(({ findings }) => findings);
say(`${found.length === 0 ? 'nothing was found' : `${found.length} findings`} in ${seconds(since)}`);
for (const finding of found) say(`  ${finding}`);
process.exitCode = found.length === 0 ? 0 : 1;
