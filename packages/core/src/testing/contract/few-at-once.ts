import { Queue } from '../../ground/queue.ts';
import type { ContractTest, Trial } from './trial.ts';

/** More would starve nodes with short beats on a small machine. */
const AT_ONCE = 4;

/** Registers tests that wait more than they work: a few of them run at once, the others stand in line. */
export function fewAtOnce(test: ContractTest): (title: string, body: (t: Trial) => Promise<void>) => void {
  const waiting = new Queue<() => void>();
  let running = 0;
  const turn = async (): Promise<void> => {
    if (running === AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
  };
  const over = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  return (title, body) => {
    test(title, async (t) => {
      await turn();
      // The first to be registered is the last to be run: by then nothing of the test is left.
      t.teardown(async () => over());
      await body(t);
    });
  };
}
