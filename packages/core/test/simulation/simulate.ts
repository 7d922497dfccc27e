/** Plays a plan: real nodes on one memory backend, in virtual time. What happened is judged by `checks/`. */
import type { Backend } from '../../src/backend.ts';
import { memory } from '../../src/backends/memory.ts';
import type { Contract } from '../../src/contract/contract.ts';
import { sleep } from '../../src/ground/loop.ts';
import { messageOf } from '../../src/ground/errors.ts';
import type { Broker } from '../../src/ports/broker.ts';
import { Chance } from './chance.ts';
import { History, type Happening } from './history.ts';
import { Kernel, WORLD } from './kernel.ts';
import { observe } from './observer.ts';
import type { ActorNode } from '../../src/node/node.ts';
import type { FaultPlan, Op, Plan } from './plan.ts';
import { Process, timersOf } from './process.ts';
import { START, takeOver } from './take-over.ts';

/** Once nothing goes wrong any more, all that was sent must have come to its end after this, ms. */
const REST_MS = 60_000;
/** What no mailbox counts, because it is between two of them, has arrived after so many looks that find nothing. */
const CALM_LOOKS = 3;
/** Between two looks, ms. */
const LOOK_MS = 200;

export interface Played {
  readonly history: readonly Happening[];
  /** How much has happened. */
  readonly tasks: number;
}

export async function simulate(plan: Plan): Promise<Played> {
  const kernel = new Kernel();
  const restore = takeOver(kernel, plan.seed);
  const stage = new Stage(kernel, plan);
  try {
    await kernel.run(() => stage.play());
  } catch (thrown) {
    stage.history.add({ type: 'trouble', what: messageOf(thrown) });
  } finally {
    restore();
  }
  for (const thrown of kernel.thrown)
    stage.history.add({
      type: 'trouble',
      what: `nobody caught ${thrown instanceof Error ? thrown.stack : String(thrown)}`,
    });
  return { history: stage.history.happenings, tasks: kernel.tasks };
}

class Stage {
  readonly history: History;
  readonly #kernel: Kernel;
  readonly #plan: Plan;
  readonly #backend: Backend;
  readonly #processes: Process[] = [];
  readonly #chance: Chance;
  /** Processes that connect just now: the backend asks whose hands they are. */
  readonly #byName = new Map<string, Process>();
  #started = 0;
  #calm = false;

  constructor(kernel: Kernel, plan: Plan) {
    this.#kernel = kernel;
    this.#plan = plan;
    this.#chance = new Chance(plan.seed).fork('processes');
    this.history = new History(() => kernel.elapsed);
    this.#backend = memory({
      clock: { ...timersOf(kernel, WORLD), now: () => START + kernel.elapsed, elapsed: () => kernel.elapsed },
      timersOf: ({ name }) => timersOf(kernel, this.#byName.get(name)?.heart ?? WORLD),
    });
  }

  async play(): Promise<void> {
    const broker = await observe(this.#backend, this.history);
    for (let number = 0; number < this.#plan.processes; number += 1) this.#start(number);
    await Promise.all([this.#send(), this.#disturb()]);
    this.#calm = true;
    for (const process of this.#processes) process.heal();
    await this.#rest(broker);
    const witness = this.#processes.find(({ ready }) => ready);
    if (witness === undefined) return;
    for (const { contracts, end } of this.#plan.workloads) {
      for (const one of contracts) await this.#noteDead(witness.node!, one);
      if (end !== undefined)
        await new Promise<void>((resolve) => witness.run(() => end(witness, this.history).finally(resolve)));
    }
  }

  async #send(): Promise<void> {
    for (const op of this.#plan.ops) {
      await this.#until(op.at);
      this.#sendOne(op);
    }
  }

  #sendOne(op: Op): void {
    const process = this.#processes[op.by]!;
    // Nobody is there to send it.
    if (process.ready) process.run(() => op.send(process, this.history));
  }

  async #disturb(): Promise<void> {
    for (const fault of this.#plan.faults) {
      await this.#until(fault.at);
      this.#do(fault);
    }
  }

  #do({ kind, process: number, ms }: FaultPlan): void {
    const process = this.#processes[number]!;
    if (!process.ready) return;
    this.history.add({ type: 'fault', kind, process: process.name, ms });
    const later = (act: () => void): void => void this.#kernel.after(ms, act, WORLD);
    switch (kind) {
      case 'crash':
        process.crash();
        return later(() => this.#start(number));
      case 'close':
        return process.close(() => this.#start(number));
      case 'pause':
        process.pause();
        return later(() => process.resume());
      case 'stall':
        process.stall();
        return later(() => process.unstall());
      case 'cut':
        process.cut();
        return later(() => process.mend());
      case 'repeat':
        return process.repeatNextClaim();
      case 'deafen':
        process.deafen(true);
        return later(() => process.deafen(false));
    }
  }

  #start(number: number): void {
    const { plan, kernel, history } = { plan: this.#plan, kernel: this.#kernel, history: this.history };
    this.#started += 1;
    const name = `n${number}-${this.#started}`;
    const process = new Process({
      ...{ kernel, history, name, backend: this.#backend },
      chance: this.#chance.fork(name),
      loss: plan.loss,
      slowMs: plan.slowMs,
      actors: (process) => {
        const stage = { history, concurrency: plan.concurrency, member: () => process.member };
        return plan.workloads.flatMap((workload) => workload.actors(stage));
      },
    });
    this.#byName.set(name, process);
    this.#processes[number] = process;
    if (this.#calm) process.heal();
    process.start();
  }

  /** Everything that was sent comes to its end; that it does not is a trouble. */
  async #rest(broker: Broker): Promise<void> {
    const contracts = this.#plan.workloads.flatMap((workload) => workload.contracts);
    let left: readonly string[] = [];
    let calmLooks = 0;
    for (const until = this.#kernel.elapsed + REST_MS; this.#kernel.elapsed < until;) {
      await sleep(LOOK_MS);
      left = [...this.#unready(), ...(await levels(broker, contracts))];
      calmLooks = left.length === 0 ? calmLooks + 1 : 0;
      if (calmLooks === CALM_LOOKS) return;
    }
    for (const what of left) this.history.add({ type: 'trouble', what: `after ${REST_MS} ms of rest ${what}` });
  }

  #unready(): string[] {
    return this.#processes.flatMap((process) => [
      ...(process.ready ? [] : [`${process.name} does not serve`]),
      ...(process.busy === 0 ? [] : [`${process.name} waits for ${process.busy} requests`]),
    ]);
  }

  async #noteDead(node: ActorNode, contract: Contract): Promise<void> {
    for await (const { input, reason } of node.deadLetters(contract).all())
      this.history.add({ type: 'dead', op: (input as { op: string }).op, reason });
  }

  #until(at: number): Promise<void> {
    const ms = at - this.#kernel.elapsed;
    return ms > 0 ? sleep(ms) : Promise.resolve();
  }
}

/** What the mailboxes still count. */
async function levels(broker: Broker, contracts: readonly Contract[]): Promise<string[]> {
  const left: string[] = [];
  for (const { mailbox } of contracts) {
    const { messages, bytes, waiting, pending } = await broker.depth(mailbox);
    if (messages + bytes + waiting + pending > 0)
      left.push(`${mailbox} counts ${messages} messages, ${bytes} bytes, ${waiting} waiting, ${pending} pending`);
  }
  return left;
}
