/** One seed from beginning to end: played, judged, and where something is wrong, made as small as it can be. */
import { check } from './checks/all.ts';
import { render, type Happening } from './history.ts';
import { makePlan, type Plan } from './plan.ts';
import { simulate, type Played } from './simulate.ts';
import { WORKLOADS } from './workloads/all.ts';

export interface Verdict extends Played {
  readonly seed: number;
  readonly plan: Plan;
  readonly faults: readonly string[];
}

/** Most replays that making a failure smaller may take. */
const REPLAYS = 150;

export function judge(seed: number): Promise<Verdict> {
  return judgePlan(makePlan(seed, WORKLOADS));
}

async function judgePlan(plan: Plan): Promise<Verdict> {
  const played = await simulate(plan);
  return { seed: plan.seed, plan, faults: check(played.history), ...played };
}

/** The same failure (the check that found the first fault finds one) with fewer faults and fewer requests. */
export async function shrink(failed: Verdict): Promise<Verdict> {
  const kind = failed.faults[0]!.slice(0, failed.faults[0]!.indexOf(':') + 1);
  let smallest = failed;
  let replays = 0;
  const without = async (part: 'ops' | 'faults', from: number, count: number): Promise<boolean> => {
    replays += 1;
    const kept = (smallest.plan[part] as readonly unknown[]).filter(
      (_, index) => index < from || index >= from + count,
    );
    const verdict = await judgePlan({ ...smallest.plan, [part]: kept });
    if (!verdict.faults.some((fault) => fault.startsWith(kind))) return false;
    smallest = verdict;
    return true;
  };
  for (const part of ['faults', 'ops'] as const) {
    for (let count = Math.ceil(smallest.plan[part].length / 2); count >= 1; count = Math.floor(count / 2)) {
      for (let from = 0; from < smallest.plan[part].length && replays < REPLAYS;)
        if (!(await without(part, from, count))) from += count;
    }
  }
  return smallest;
}

/** For people: what is wrong, and the story of what it is about. */
export function describe({ seed, plan, faults, history }: Verdict, whole = false): string {
  const about = mentioned(faults, history);
  const shown = whole ? history : history.filter((one) => SCENERY.has(one.type) || concerns(one, about));
  return [
    `seed ${seed}: ${plan.processes} processes, ${plan.ops.length} requests, ${plan.faults.length} faults, ` +
      `${plan.loss * 100} % of answers lost, delays of ${plan.slowMs} ms, concurrency ${plan.concurrency}`,
    ...faults,
    '',
    render(shown),
    '',
    `all of it: SEED=${seed} npx ava packages/core/test/simulation/simulation.test.ts`,
  ].join('\n');
}

const SCENERY: ReadonlySet<string> = new Set(['fault', 'joined', 'gone', 'trouble']);

/** Words of the faults that are names: of requests, runs, messages, entries, members, keys. */
function mentioned(faults: readonly string[], history: readonly Happening[]): ReadonlySet<string> {
  const words = new Set(faults.flatMap((fault) => fault.split(/[\s,()]+/)));
  for (const one of history)
    if (one.type === 'started' && words.has(one.op)) words.add(frameOf(one.message)).add(`#${one.run}`);
  for (const one of history) if (one.type === 'claimed' && words.has(one.frame)) words.add(one.entry);
  return words;
}

function concerns(one: Happening, words: ReadonlySet<string>): boolean {
  if (one.type === 'ended') return words.has(`#${one.run}`);
  return ['op', 'entry', 'frame', 'key'].some((name) => words.has(String(Reflect.get(one, name))));
}

function frameOf(message: string): string {
  return message.slice(0, message.lastIndexOf('.'));
}
