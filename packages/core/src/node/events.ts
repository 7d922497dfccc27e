/** What a node tells its own program: each event once, in order; a listener that throws is logged and hurts nobody. */
import type { BreakerState } from '../ports/breakers.ts';
import { ConfigError, messageOf, type HomeostatError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { InstanceStatus } from '../ports/report.ts';
import type { DroppedGroup } from '../ports/topics.ts';
import type { DropReason } from '../topics/news.ts';

/** One instance of a service: the service on one node. */
export interface InstanceEvent {
  readonly service: string;
  readonly nodeId: string;
  /** What its node was named by its own options. */
  readonly nodeName: string;
  readonly version: string;
}

export interface NodeEvents {
  /** A node has begun to serve a service. */
  registered: InstanceEvent;
  /** It has stopped to, in good order. */
  deregistered: InstanceEvent;
  /** It has died: declared dead by its watchers. */
  expired: InstanceEvent;
  /** The status of an instance has changed, by its own checks or by hand. */
  health: InstanceEvent & {
    readonly from: InstanceStatus | 'unknown';
    readonly to: InstanceStatus;
    readonly reason?: string | undefined;
  };
  /** A shared breaker has changed its phase. */
  breaker: { readonly from: BreakerState['phase']; readonly to: BreakerState['phase']; readonly state: BreakerState };
  /** Live settings of a service have changed and are in force on this node. */
  config: { readonly service: string; readonly revision: number; readonly by: string };
  /** Live settings of a service cannot be used on this node; what held before still holds. */
  configRefused: { readonly service: string; readonly reason: string };
  /** Messages of a mailbox that this node serves have become dead letters. */
  dead: { readonly mailbox: string; readonly count: number; readonly code: string };
  /** So many messages were the oldest of more dead letters than their actor keeps (`maxDead`): they are gone. */
  deadDropped: { readonly mailbox: string; readonly count: number };
  /**
   * A group of a topic is no more, with all that waited in it: nobody served it and more waited than is retained, or
   * somebody said so. `by` is the node that dropped it.
   */
  groupDropped: DroppedGroup & { readonly reason: DropReason; readonly by: string };
  /** A worker thread of a mailbox's pool has died; it is replaced. */
  thread: { readonly mailbox: string; readonly reason: string };
  /** How many instances a service should have, by its lag. Starting processes is up to the listener. */
  scale: {
    readonly service: string;
    readonly desired: number;
    readonly instances: number;
    readonly lag: number;
    readonly reason: string;
  };
  /** A call has failed for good. */
  error: {
    readonly error: HomeostatError;
    readonly service: string;
    readonly method: string;
    readonly attempts: number;
    readonly ms: number;
  };
}

/** Of all of them; a name that is not among these is a slip of the pen. */
const NAMES: Readonly<Record<keyof NodeEvents, true>> = {
  registered: true,
  deregistered: true,
  expired: true,
  health: true,
  breaker: true,
  config: true,
  configRefused: true,
  dead: true,
  deadDropped: true,
  groupDropped: true,
  thread: true,
  scale: true,
  error: true,
};

export type NodeListener<Name extends keyof NodeEvents> = (event: NodeEvents[Name]) => void;

export class Emitter {
  readonly #log: Log;
  readonly #listeners = new Map<keyof NodeEvents, Set<(event: never) => unknown>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Answers the function that takes the listener off again. @throws ConfigError */
  on<Name extends keyof NodeEvents>(name: Name, listener: NodeListener<Name>): () => void {
    if (!Object.hasOwn(NAMES, name))
      throw new ConfigError(`on: there is no event "${name}"; there are ${Object.keys(NAMES).join(', ')}`);
    if (typeof listener !== 'function') throw new ConfigError(`on: the listener of "${name}" must be a function`);
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    // Its own function, so that the same listener may be added twice.
    const own = (event: NodeEvents[Name]): unknown => listener(event);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  heard(name: keyof NodeEvents): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof NodeEvents>(name: Name, event: NodeEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        const answer = listener(event as never);
        if (answer instanceof Promise) answer.catch((thrown: unknown) => this.#failed(name, thrown));
      } catch (thrown) {
        this.#failed(name, thrown);
      }
    }
  }

  #failed(name: string, thrown: unknown): void {
    this.#log.error({ evt: 'listener_failed', event: name, reason: messageOf(thrown) }, 'a listener threw');
  }
}
