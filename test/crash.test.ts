/** Real processes, real faults: what was accepted is handled or dead, once, whatever happens. 30 rounds over all faults. */
import test from 'ava';
import { faults, play } from './support/faults.ts';
import { random } from './support/random.ts';

/** With ten faults this makes 30 rounds. */
const ROUNDS: Readonly<Record<string, number>> = {
  'SIGKILL of a consumer in the middle of a handler': 4,
  'connections that fall silent without a word': 2,
};
const OTHERS = 3;

for (const fault of faults) {
  test.serial(`nothing is lost and nothing is done twice that must not be: ${fault.name}`, async (t) => {
    t.timeout(120_000);
    const { seed } = random();
    const findings = await play(fault, ROUNDS[fault.name] ?? OTHERS, { seed });
    const { accepted, handled, repeated, unknown } = findings;
    t.log(`${accepted} accepted, ${handled} handled, ${repeated} repeated, ${unknown} unknown; seed ${seed}`);
    t.deepEqual(findings.faults, []);
  });
}
