/** The figures that alert rules look at. */
import { totalmem } from 'node:os';
import type { BackendHealth } from '../backend.ts';

export interface ServiceFigures {
  /** Work that ended in the last ten beats. */
  readonly ended: number;
  /** Share of it that failed, 0 to 1; absent while too little has ended to say. */
  readonly errorRate?: number | undefined;
  /** Smoothed time that its handlers take, ms. */
  readonly responseMs?: number | undefined;
}

export interface OwnFigures {
  /** Longest delay of the event loop in the last beat, ms. */
  readonly loopDelayMs: number;
  /** Resident memory ÷ what this process may have, 0 to 1. */
  readonly memoryShare: number;
  /** Processor time in the last beat ÷ its length; 1 is one core. */
  readonly cpuShare: number;
  /** By mailbox that this node serves. */
  readonly services: Readonly<Record<string, ServiceFigures>>;
}

export interface Figures extends OwnFigures {
  readonly backend: BackendHealth;
}

export function memoryShare(): number {
  const limit = process.constrainedMemory();
  const total = totalmem();
  // Without a limit some systems answer 0, others more than there is.
  return process.memoryUsage.rss() / (limit > 0 && limit < total ? limit : total);
}

const US_PER_MS = 1_000;

export class CpuMeter {
  share = 0;
  #usage = process.cpuUsage();
  #at = performance.now();

  /** A beat has passed. */
  beat(): void {
    const at = performance.now();
    const usage = process.cpuUsage();
    const busyMs = (usage.user + usage.system - this.#usage.user - this.#usage.system) / US_PER_MS;
    this.share = at > this.#at ? busyMs / (at - this.#at) : 0;
    this.#usage = usage;
    this.#at = at;
  }
}
