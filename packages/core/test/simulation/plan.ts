/** What shall be done in one simulation, and when: made of a seed, and smaller where somebody looks for what is needed. */
import type { Actor } from '../../src/contract/actor.ts';
import type { Contract } from '../../src/contract/contract.ts';
import { Chance } from './chance.ts';
import type { Process } from './process.ts';
import type { History } from './history.ts';

export interface FaultPlan {
  readonly at: number;
  readonly kind: FaultKind;
  /** Which process, by its number. */
  readonly process: number;
  /** How long it lasts, ms. */
  readonly ms: number;
}

/**
 * `crash`: the process is gone, and comes back as another after `ms`. `close`: it drains and ends by itself. `pause`: all of it
 * stands still. `stall`: its event loop does, while the beat goes on. `cut`: it does not reach the backend. `repeat`: the next
 * claim arrives twice. `deafen`: news get lost.
 */
export type FaultKind = 'crash' | 'close' | 'pause' | 'stall' | 'cut' | 'repeat' | 'deafen';

/** One request. */
export interface Op {
  readonly id: string;
  readonly at: number;
  /** Which process sends it, by its number. */
  readonly by: number;
  /** Sends it; resolves when its sender knows how it ended. Runs as a task of the process. */
  send(process: Process, history: History): Promise<void>;
}

/** What is served and asked for in a simulation, and what must hold of it. */
export interface Workload {
  readonly name: string;
  readonly contracts: readonly Contract[];
  /** What each process serves. */
  actors(stage: ActorStage): readonly Actor[];
  /** One request, made of chance; when and by whom is added. */
  op(id: string, chance: Chance): Pick<Op, 'send'>;
  /** Notes what it has come to, once all is over. Runs as a task of a process that serves. */
  end?(process: Process, history: History): Promise<void>;
}

export interface ActorStage {
  readonly history: History;
  readonly concurrency: number;
  /** The member that the node is now. */
  member(): string;
}

export interface Plan {
  readonly seed: number;
  readonly processes: number;
  readonly workloads: readonly Workload[];
  readonly ops: readonly Op[];
  readonly faults: readonly FaultPlan[];
  /** Part of the repeatable calls whose answers get lost, 0 to 1. */
  readonly loss: number;
  /** Most delays on the way are below this, ms. */
  readonly slowMs: number;
  readonly concurrency: number;
}

/** How long requests are sent and faults done, ms. */
const ACTION_MS = 6_000;

/** Some more often than others. */
const KINDS: readonly FaultKind[] = [
  'crash',
  'crash',
  'pause',
  'pause',
  'pause',
  'cut',
  'cut',
  'stall',
  'close',
  'repeat',
  'deafen',
];

export function makePlan(seed: number, workloads: readonly Workload[]): Plan {
  const chance = new Chance(seed);
  const processes = chance.between(2, 6);
  const chosen = workloads.filter(() => chance.happens(0.6));
  const taking = chosen.length === 0 ? [chance.pick(workloads)] : chosen;
  const moment = (): number => chance.below(ACTION_MS);
  const ops = Array.from({ length: chance.between(10, 60) }, (_, index): Op => {
    const id = `op${index + 1}`;
    // Some at once, so that frames hold more than one.
    const at = chance.happens(0.4) ? Math.floor(moment() / 500) * 500 : moment();
    return { id, at, by: chance.below(processes), ...chance.pick(taking).op(id, chance) };
  });
  const faults = Array.from({ length: chance.between(0, 9) }, (): FaultPlan => {
    const kind = chance.pick(KINDS);
    return {
      at: moment(),
      kind,
      process: chance.below(processes),
      ms: chance.between(20, chance.pick([200, 1_500, 4_000])),
    };
  });
  return {
    seed,
    processes,
    workloads: taking,
    ops: ops.sort((a, b) => a.at - b.at),
    faults: faults.sort((a, b) => a.at - b.at),
    loss: chance.pick([0, 0.02, 0.1, 0.3]),
    slowMs: chance.pick([0, 2, 20]),
    concurrency: chance.pick([1, 3, 64]),
  };
}
