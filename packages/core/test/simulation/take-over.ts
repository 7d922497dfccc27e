/** Puts a kernel in the place of this process's clocks, timers and chance, so that one seed tells one story. */
import { webcrypto } from 'node:crypto';
import { nanoid } from 'nanoid';
import { Chance } from './chance.ts';
import type { Kernel } from './kernel.ts';

/** 2026-01-01T00:00:00Z: any moment does, as long as it is the same in every run. */
export const START = 1_767_225_600_000;

const MEMORY_BYTES = 100_000_000;

/** What `setTimeout` answers. */
class VirtualTimer {
  cancel: () => void = () => undefined;

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

type Run = (...args: unknown[]) => void;

/** From now on until the answer is called, time is the kernel's and chance follows the seed. */
export function takeOver(kernel: Kernel, seed: number): () => void {
  const chance = new Chance(seed).fork('everything else');
  const once = (run: Run, ms = 1, ...args: unknown[]): VirtualTimer => {
    const timer = new VirtualTimer();
    // Of Node: whatever is less than 1 ms, or no number, is 1 ms.
    timer.cancel = kernel.after(Math.max(1, Math.trunc(ms) || 1), () => run(...args));
    return timer;
  };
  const again = (run: Run, ms = 1, ...args: unknown[]): VirtualTimer => {
    const timer = new VirtualTimer();
    const fire = (): void => {
      timer.cancel = kernel.after(Math.max(1, ms), fire);
      run(...args);
    };
    timer.cancel = kernel.after(Math.max(1, ms), fire);
    return timer;
  };
  const soon = (run: Run, ...args: unknown[]): VirtualTimer => {
    const timer = new VirtualTimer();
    timer.cancel = kernel.after(0, () => run(...args));
    return timer;
  };
  const cancel = (timer: VirtualTimer | undefined): void => timer?.cancel();
  const undo = [
    replace(globalThis, 'setTimeout', once),
    replace(globalThis, 'setInterval', again),
    replace(globalThis, 'setImmediate', soon),
    replace(globalThis, 'clearTimeout', cancel),
    replace(globalThis, 'clearInterval', cancel),
    replace(globalThis, 'clearImmediate', cancel),
    replace(performance, 'now', () => kernel.elapsed),
    replace(Date, 'now', () => START + Math.floor(kernel.elapsed)),
    // What differs from run to run, and costs more than all the rest.
    replace(process.memoryUsage, 'rss', () => MEMORY_BYTES),
    replace(process, 'cpuUsage', () => ({ user: 0, system: 0 })),
    replace(Math, 'random', () => chance.next()),
    replace(webcrypto, 'getRandomValues', (bytes: Uint8Array) => {
      refills += 1;
      for (let at = 0; at < bytes.length; at += 1) bytes[at] = chance.below(256);
      return bytes;
    }),
  ];
  emptyPool();
  return () => undo.forEach((restore) => restore());
}

let refills = 0;

/** Ids are made of a pool of random bytes: what a seed before this one has left in it is used up. */
function emptyPool(): void {
  const before = refills;
  while (refills === before) nanoid();
}

function replace(object: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
  return () => {
    if (own === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, own);
  };
}
