/** One process with a node in it, as far as a simulation is concerned: it can crash, stand still, lose its connection. */
import type { Backend } from '../../src/backend.ts';
import type { Actor } from '../../src/contract/actor.ts';
import type { Timers } from '../../src/ground/clock.ts';
import { messageOf } from '../../src/ground/errors.ts';
import { sleep } from '../../src/ground/loop.ts';
import { createNode } from '../../src/node/create-node.ts';
import type { ActorNode } from '../../src/node/node.ts';
import { faulty, type FaultyBackend } from '../../src/testing/faulty.ts';
import { Air } from './air.ts';
import type { Chance } from './chance.ts';
import type { History } from './history.ts';
import { newOwner, WORLD, type Kernel, type Owner } from './kernel.ts';
import { quietLog } from './quiet-log.ts';
import { START } from './take-over.ts';
import { wired } from './wire.ts';
import { tapped, Witness } from './witness.ts';

/** Short, because a simulation waits for several of them. */
export const BEAT = { intervalMs: 100, ttlMs: 400, stallMs: 400, evictMs: 30_000 };
/** Before a node that could not start is started again, ms. */
const AGAIN_MS = 300;
/** Of calls and casts, ms. */
const TIMEOUT_MS = 5_000;

export interface ProcessNeeds {
  readonly kernel: Kernel;
  readonly history: History;
  readonly chance: Chance;
  readonly name: string;
  readonly loss: number;
  readonly slowMs: number;
  /** Once more connected to by this process. */
  readonly backend: Backend;
  actors(process: Process): readonly Actor[];
}

type Stillness = 'paused' | 'stalled' | 'cut';

export class Process {
  readonly name: string;
  readonly loop: Owner;
  readonly heart: Owner;
  node: ActorNode | undefined = undefined;
  closing = false;
  readonly #needs: ProcessNeeds;
  readonly #air: Air;
  readonly #backend: FaultyBackend;
  readonly #witness: Witness;
  /** Why its event loop or its beat stands still: one reason may outlast another. */
  readonly #still = new Set<Stillness>();
  #busy = 0;

  constructor(needs: ProcessNeeds) {
    const { kernel, chance, name, loss, slowMs } = needs;
    this.#needs = needs;
    this.name = name;
    this.loop = newOwner(name);
    this.heart = newOwner(`${name}'s heart`);
    this.#witness = new Witness(needs.history);
    this.#backend = faulty(tapped(needs.backend, this.#witness));
    this.#air = new Air({ kernel, chance, loss, slowMs, loop: this.loop });
  }

  /** The member that the node is, as the backend sees it. */
  get member(): string {
    return this.#witness.member;
  }

  /** It serves, and may be asked to send. */
  get ready(): boolean {
    return this.node !== undefined && !this.closing && !this.loop.dead;
  }

  /** Requests of this process whose end it does not know yet. */
  get busy(): number {
    return this.loop.dead ? 0 : this.#busy;
  }

  /** Starts the node, as often as it takes. */
  start(): void {
    const { kernel, name, actors } = this.#needs;
    const attempt = async (): Promise<void> => {
      let node: ActorNode | undefined;
      try {
        node = await createNode({
          backend: this.#wired(),
          ...{ name, beat: BEAT, timeoutMs: TIMEOUT_MS, signals: false },
          alerts: { sources: false },
          log: quietLog((evt, text) => this.#needs.history.add({ type: 'log', process: name, evt, text })),
        });
        for (const actor of actors(this)) await node.serve(actor);
        this.node = node;
      } catch (thrown) {
        this.#needs.history.add({ type: 'log', process: name, evt: 'start_failed', text: messageOf(thrown) });
        await node?.close({ drainMs: 0 });
        await sleep(AGAIN_MS);
        kernel.after(0, () => void attempt());
      }
    };
    kernel.after(0, () => void attempt(), this.loop);
  }

  /** Runs `send` in this process. */
  run(send: () => Promise<void>): void {
    this.#busy += 1;
    this.#needs.kernel.after(
      0,
      () =>
        void send().then(() => {
          this.#busy -= 1;
        }),
      this.loop,
    );
  }

  crash(): void {
    this.loop.dead = true;
    this.heart.dead = true;
  }

  /** Drains and leaves; `closed` is called when it is over. */
  close(closed: () => void): void {
    this.closing = true;
    const { kernel } = this.#needs;
    const { node } = this;
    const leave = async (): Promise<void> => {
      await node?.close({ drainMs: 20 });
      this.crash();
      kernel.after(0, closed, WORLD);
    };
    kernel.after(0, () => void leave(), this.loop);
  }

  pause(): void {
    this.#hold('paused');
  }

  /** The event loop stands still, the beat does not. */
  stall(): void {
    this.#hold('stalled');
  }

  cut(): void {
    this.#air.cut();
    this.#hold('cut');
  }

  resume(): void {
    this.#release('paused');
  }

  unstall(): void {
    this.#release('stalled');
  }

  mend(): void {
    this.#air.mend();
    this.#release('cut');
  }

  repeatNextClaim(): void {
    this.#backend.deliverTwice();
  }

  deafen(on: boolean): void {
    this.#backend.deafen(on);
  }

  /** All that was wrong is over, and nothing more goes wrong. */
  heal(): void {
    this.#air.calm();
    this.deafen(false);
    this.resume();
    this.unstall();
    this.mend();
  }

  #wired(): Backend {
    const { kernel } = this.#needs;
    const { loop } = this;
    const needs = { kernel, loop, air: this.#air, witness: this.#witness, timers: timersOf(kernel, loop) };
    return wired(this.#backend, needs);
  }

  #hold(why: Stillness): void {
    this.#still.add(why);
    this.#obey();
  }

  #release(why: Stillness): void {
    this.#still.delete(why);
    this.#obey();
  }

  #obey(): void {
    const { kernel } = this.#needs;
    const [paused, stalled, cut] = (['paused', 'stalled', 'cut'] as const).map((why) => this.#still.has(why));
    if (paused || cut) kernel.hold(this.heart);
    else kernel.release(this.heart);
    if (paused || stalled) kernel.hold(this.loop);
    else kernel.release(this.loop);
  }
}

/** What an owner's tasks wait by. */
export function timersOf(kernel: Kernel, owner: Owner): Timers {
  return {
    clock: { now: () => START + kernel.elapsed, elapsed: () => kernel.elapsed },
    setTimer: (ms, fire) => kernel.after(Math.max(0, ms), fire, owner),
  };
}
