import { dim, number, PROGRESS_EVERY_MS, type Screen } from './screen.ts';
import { LOAD_SECONDS } from './settings.ts';
import type { Workload } from './workload.ts';

const WIDTH = 24;

/** Shows how far the work is, until stopped. */
export function showProgress(screen: Screen, work: Workload, seconds: () => number): { stop(): void } {
  const show = (): void => screen.progress(progressLine(work, seconds()));
  const timer = setInterval(show, PROGRESS_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      show();
      screen.keep();
    },
  };
}

function progressLine({ examine, get, accepted, waiting }: Workload, seconds: number): string {
  const filled = Math.round(Math.min(1, seconds / LOAD_SECONDS) * WIDTH);
  const bar = '━'.repeat(filled) + dim('─'.repeat(WIDTH - filled));
  const columns = [
    `files ${number(examine.answered).padStart(7)}`,
    `gets ${number(get.answered).padStart(8)}`,
    `changes ${number(accepted.size).padStart(8)}`,
    `waiting ${number(waiting).padStart(5)}`,
  ];
  return `  ${seconds.toFixed(1).padStart(5)} s ${bar}  ${columns.join('   ')}`;
}
