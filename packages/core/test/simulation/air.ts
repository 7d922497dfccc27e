/**
 * The way between one node and the backend: everything takes its time there and back, in order on each channel; answers
 * get lost, connections break.
 */
import { TransportError } from '../../src/ground/errors.ts';
import type { Chance } from './chance.ts';
import { WORLD, type Kernel, type Owner } from './kernel.ts';

export interface AirNeeds {
  readonly kernel: Kernel;
  readonly chance: Chance;
  /** Whose tasks the node's are. */
  readonly loop: Owner;
  /** Part of the calls whose answers get lost, where that is survivable, 0 to 1. */
  readonly loss: number;
  /** Most delays are below this, ms; some are twenty times as long. */
  readonly slowMs: number;
}

/** Calls that are repeated when their outcome is unknown. */
const REPEATED: ReadonlySet<string> = new Set(['append', 'appendAll', 'reply', 'settle', 'commit', 'relayed']);
/** Calls that are begun by the node itself: they are refused, or their answer arrives. */
const NEVER_UNKNOWN: ReadonlySet<string> = new Set(['partitions.read']);
/** A broken connection is noticed within this, ms. */
const NOTICE_MS = 30;

export class Air {
  broken = false;
  /** Called at every mending. */
  readonly onMend: Set<() => void> = new Set();
  readonly #needs: AirNeeds;
  /** Grows when the node joins: what was called or told before is not about this member. */
  #epoch = 0;
  /** Grows with every break: what was on its way then does not arrive. */
  #breaks = 0;
  #lossless = false;
  readonly #lastAt = new Map<string, number>();
  /** What is told once it is mended. */
  #waiting: (() => void)[] = [];

  constructor(needs: AirNeeds) {
    this.#needs = needs;
  }

  /** Answers on their way are lost from now on, calls fail, and what the backend has to tell waits. */
  cut(): void {
    this.broken = true;
    this.#breaks += 1;
  }

  mend(): void {
    this.broken = false;
    for (const told of this.#waiting.splice(0)) told();
    for (const listener of [...this.onMend]) listener();
  }

  /** From now on no answer gets lost. */
  calm(): void {
    this.#lossless = true;
  }

  /** Runs `act` at the backend and brings back what it came to. */
  call(port: string, name: string, act: () => Promise<unknown>): Promise<unknown> {
    const { kernel, loop, chance, loss } = this.#needs;
    const [epoch, breaks] = [this.#epoch, this.#breaks];
    const noticed = (): number => chance.between(0, NOTICE_MS);
    return new Promise((resolve, reject) => {
      const fail = (ms: number, outcome: 'unknown' | 'not-executed', why: string): void =>
        void kernel.after(ms, () => reject(new TransportError(`${port}.${name}: ${why}`, { outcome })), loop);
      if (this.broken) return fail(noticed(), 'not-executed', 'the backend is away');
      const back = (settle: () => void): void => {
        // Which member it is now, the node learns before anything else happens to it.
        if (name === 'join') return kernel.next(settle, loop);
        const isSure = NEVER_UNKNOWN.has(`${port}.${name}`);
        const arrive = (): void =>
          isSure || this.#breaks === breaks ? settle() : fail(0, 'unknown', 'the connection broke');
        kernel.at(this.arrival(`${port} back`), arrive, loop);
      };
      const arrive = (): void => {
        if (this.#breaks !== breaks) return fail(noticed(), 'unknown', 'the connection broke');
        if (this.#epoch !== epoch) return fail(0, 'not-executed', 'sent by a member that this node is no more');
        const lost = !this.#lossless && REPEATED.has(name) && chance.happens(loss);
        if (name === 'join') {
          // As if it had died before: whoever joins without ever knowing it never was.
          if (loop.dead) return;
          this.#epoch += 1;
        }
        act().then(
          (result) => (lost ? fail(noticed(), 'unknown', 'the answer was lost') : back(() => resolve(result))),
          (error: Error) => back(() => reject(error)),
        );
      };
      kernel.at(this.arrival(`${port} there`), arrive, WORLD);
    });
  }

  /**
   * Runs `arrive` at the node, once nothing is broken; or `lost`, when the node is another member by then than the one that
   * was told.
   */
  tell(channel: string, arrive: () => void, lost: () => void = () => undefined): void {
    const { kernel, loop } = this.#needs;
    const epoch = this.#epoch;
    const land = (): void => {
      if (this.#epoch !== epoch) lost();
      else if (this.broken) this.#waiting.push(later);
      else arrive();
    };
    const later = (): void => kernel.at(this.arrival(channel), land, loop);
    if (this.broken) this.#waiting.push(later);
    else later();
  }

  /** Resolves when nothing is broken. */
  clear(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (!this.broken) return Promise.resolve();
    const { kernel, loop } = this.#needs;
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => kernel.after(0, resolve, loop));
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** When what is sent now arrives: never before what was sent before it. */
  arrival(channel: string): number {
    const { kernel, chance, slowMs } = this.#needs;
    const luck = chance.next();
    let ms = 0;
    if (luck > 0.97) ms = chance.next() * 20 * slowMs;
    else if (luck > 0.4) ms = chance.next() * slowMs;
    const at = Math.max(kernel.elapsed + ms, this.#lastAt.get(channel) ?? 0);
    this.#lastAt.set(channel, at);
    return at;
  }
}
