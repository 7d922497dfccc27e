import { pino } from 'pino';
import type { Backend } from '../backend.ts';
import { memory } from '../backends/memory.ts';
import type { Clock, Timers } from '../ground/clock.ts';
import { ConfigError } from '../ground/errors.ts';
import { createNode } from '../node/create-node.ts';
import type { ActorNode, NodeOptions } from '../node/node.ts';

/** Nobody waits long for what a test is about; the same for all nodes of a world, or one would take another for dead. */
const BEAT = { intervalMs: 200, ttlMs: 1_000 };
const TIMEOUT_MS = 5_000;
/** Time that closing gives to what runs, ms. It is real time, with a virtual clock as well. */
const DRAIN_MS = 1_000;

export interface TestNodeOptions extends NodeOptions {
  /**
   * A `virtualClock()` for a memory backend of the node's own: beats, due times, deadlines, back-off, breakers and checks
   * follow it.
   */
  readonly clock?: (Clock & Timers) | undefined;
}

export interface TestNode extends ActorNode {
  /** For more nodes of the same world: `createTestNode({ backend: node.backend })`. */
  readonly backend: Backend;
}

/**
 * A node for tests: alone in a memory backend of its own unless one is given, silent, deaf to signals, with short times
 * (calls time out after 5 s, a silent node is dead after 1 s). Every option of `createNode` overrules that.
 * @throws what `createNode` does; ConfigError for both a backend and a clock.
 */
export async function createTestNode({ clock, ...options }: TestNodeOptions = {}): Promise<TestNode> {
  if (clock !== undefined && options.backend !== undefined)
    throw new ConfigError('createTestNode: give the clock to the backend: memory({ clock })');
  const { backend = memory(clock === undefined ? {} : { clock }) } = options;
  const node = await createNode({
    name: 'test',
    signals: false,
    log: pino({ level: 'silent' }),
    drainMs: DRAIN_MS,
    beat: BEAT,
    timeoutMs: TIMEOUT_MS,
    ...options,
    backend,
  });
  return Object.assign(node, { backend });
}
