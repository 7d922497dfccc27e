/** This process comes to its limits: memory, processor time, sockets. */
import { availableParallelism, totalmem } from 'node:os';
import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { Gauge, MOST_OF_FOUR } from './gauge.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import type { Thresholds } from './options.ts';

interface Measured {
  readonly gauge: Gauge;
  /** Undefined: too little is known. */
  measure(): number | undefined;
}

export class ProcessSource implements Source {
  readonly #needs: SourcesNeeds;
  readonly #busy: Busy;
  /** The conditions are those of a member: one that joins again under a new id has others. */
  #id = '';
  #measured: readonly Measured[] = [];

  constructor(needs: SourcesNeeds) {
    this.#needs = needs;
    this.#busy = new Busy(needs.policy.lookMs / 2);
  }

  tick(): void {
    const id = this.#needs.selfId();
    if (id === '') return;
    if (id !== this.#id) this.#begin(id);
    for (const { gauge, measure } of this.#measured) gauge.sample(measure());
  }

  close(): void {
    for (const { gauge } of this.#measured) gauge.close();
  }

  #begin(id: string): void {
    for (const { gauge } of this.#measured) gauge.end();
    this.#id = id;
    const { memory, cpu, connections } = this.#needs.policy;
    this.#measured = [
      ...this.#gauge('process-memory', memory, memoryPart, percent('of the memory it may use')),
      ...this.#gauge('process-cpu', cpu, () => this.#busy.take(), percent('of the processor time')),
      ...this.#gauge('process-connections', connections, openSockets, (sockets) => `${sockets} open sockets`),
    ];
  }

  #gauge(
    kind: string,
    thresholds: Thresholds | false,
    measure: () => number | undefined,
    words: (value: number) => string,
  ): readonly Measured[] {
    if (thresholds === false) return [];
    const id = this.#id;
    const gauge = new Gauge(this.#needs.signal, {
      facts: { kind, scope: `node:${id}` },
      thresholds,
      ...MOST_OF_FOUR,
      say: (value) => ({ message: `node ${id}: ${words(value)}`, metrics: { value, pid: process.pid } }),
    });
    return [{ gauge, measure }];
  }
}

function percent(ofWhat: string): (value: number) => string {
  return (value) => `${Math.round(value * 100)} % ${ofWhat}`;
}

/** Of the heap, or of what a container may have, whichever is nearer to its end. */
function memoryPart(): number {
  const heap = getHeapStatistics();
  const heapPart = heap.used_heap_size / heap.heap_size_limit;
  const limit = process.constrainedMemory();
  // Without a limit some systems answer 0, others more than there is.
  return limit > 0 && limit < totalmem() ? Math.max(heapPart, process.memoryUsage.rss() / limit) : heapPart;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;
}

const US_PER_MS = 1_000;

/** Part of the time since the last look that the main thread was busy; or of all processors, whichever is more. */
class Busy {
  readonly #leastMs: number;
  #at = performance.now();
  #cpu = process.cpuUsage();
  #loop: EventLoopUtilization = performance.eventLoopUtilization();

  /** @param leastMs over less time than this nothing is said. */
  constructor(leastMs: number) {
    this.#leastMs = leastMs;
  }

  take(): number | undefined {
    const at = performance.now();
    if (at - this.#at < this.#leastMs) return undefined;
    const cpu = process.cpuUsage();
    const loop = performance.eventLoopUtilization();
    const busyMs = (cpu.user + cpu.system - this.#cpu.user - this.#cpu.system) / US_PER_MS;
    const ofMachine = busyMs / (at - this.#at) / availableParallelism();
    const ofLoop = performance.eventLoopUtilization(loop, this.#loop).utilization;
    this.#at = at;
    this.#cpu = cpu;
    this.#loop = loop;
    return Math.max(ofMachine, ofLoop);
  }
}
