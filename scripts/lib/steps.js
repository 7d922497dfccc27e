const NAME_WIDTH = 9;
const TICK_MS = 1_000;

/** An error whose sentence is for the person at the keyboard; it is shown without a stack. */
export class Complaint extends Error {}

/**
 * Makes the one-line-per-step printer. `step(name, doing, work)` shows what it does while `work` runs and, when it ends,
 * the sentence `work` answered with and the seconds it took. `work` is given `say`, for what must be told meanwhile.
 */
export function createSteps(out = process.stdout) {
  return async function step(name, doing, work) {
    const started = performance.now();
    const seconds = () => `${((performance.now() - started) / 1_000).toFixed(1)} s`;
    const label = name.padEnd(NAME_WIDTH);
    const line = (text) => out.write(out.isTTY ? `\r\x1b[K${label} ${text}` : `${label} ${text}\n`);
    line(`${doing} …`);
    const ticker = out.isTTY ? setInterval(() => line(`${doing} … ${seconds()}`), TICK_MS) : undefined;
    try {
      const said = await work((text) => out.write(out.isTTY ? `\r\x1b[K${label} ${text}\n` : `${label} ${text}\n`));
      line(`${typeof said === 'string' ? said : said.says} (${seconds()})`);
      return said;
    } catch (error) {
      line(`failed (${seconds()})`);
      throw error;
    } finally {
      clearInterval(ticker);
      if (out.isTTY) out.write('\n');
    }
  };
}

/** Runs a script's main function; a complaint is printed as its sentence, anything else with its stack; exit code 1. */
export async function main(body, onFailure = () => {}) {
  try {
    process.exitCode = await body();
  } catch (error) {
    process.stderr.write(`${error instanceof Complaint ? error.message : (error?.stack ?? String(error))}\n`);
    process.exitCode = 1;
    onFailure();
  }
}
