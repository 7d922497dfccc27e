/** All instances of one service. Lists are made when they are asked for, and stay the same object until something changes. */
import type { ActorVitals, NodeReport, ServedReport } from '../ports/report.ts';
import { filterKey, matches, type InstanceFilter } from './filter.ts';
import { worse, type Instance } from './instance.ts';
import type { Mark } from './marks.ts';

export type NodeFacts = Omit<NodeReport, 'serves'>;

/** An actor on a node, as the node told it. */
export interface Told {
  readonly nodeId: string;
  readonly mailbox: string;
  readonly node: NodeFacts;
  readonly served: ServedReport;
}

export interface Health {
  readonly status: Instance['status'];
  readonly reason: string | undefined;
}

/** What an actor last said of itself, and how much of that was not from here. */
export interface Feeling extends ActorVitals {
  readonly elsewhere: number;
}

/** Different filters whose lists are kept. */
const MAX_LISTS = 64;

/** What node and actor say: the worse of the two. */
export function toldHealth(node: NodeFacts, served: ServedReport): Health {
  const status = worse(node.status, served.status);
  return { status, reason: status === served.status ? (served.reason ?? node.reason) : node.reason };
}

/** A mark wins over what is told; but a node that drains is going, whatever anybody says. */
export function marked(told: Health, mark: Mark | undefined): Health {
  return mark === undefined || told.status === 'draining' ? told : { status: mark.status, reason: mark.reason };
}

export class ServiceView {
  readonly service: string;
  /** Grows with every use; the smallest gives way first. */
  usedAt = 0;
  /** Somebody asked for instances since this was last set to false. */
  wanted = false;
  /** Read from the backend since the last news of it. */
  confirmed = false;
  readonly #markOf: (service: string, nodeId: string) => Mark | undefined;
  readonly #told = new Map<string, Told>();
  #feelings: ReadonlyMap<string, Feeling> = new Map();
  readonly #lists = new Map<string, readonly Instance[]>();
  #all: readonly Instance[] | undefined;
  #routable: readonly Instance[] | undefined;

  constructor(service: string, markOf: (service: string, nodeId: string) => Mark | undefined) {
    this.service = service;
    this.#markOf = markOf;
  }

  /** Frozen, in order of node and mailbox. */
  list(filter?: InstanceFilter): readonly Instance[] {
    const key = filterKey(filter);
    if (key === '') return (this.#routable ??= this.#listOf(undefined));
    let list = this.#lists.get(key);
    if (list === undefined) {
      if (this.#lists.size >= MAX_LISTS) this.#lists.clear();
      this.#lists.set(key, (list = this.#listOf(filter)));
    }
    return list;
  }

  has(mailbox: string, method: string, exceptNode: string): boolean {
    for (const told of this.#told.values()) {
      if (told.mailbox === mailbox && told.nodeId !== exceptNode && told.served.methods.includes(method)) return true;
    }
    return false;
  }

  get size(): number {
    return this.#told.size;
  }

  nodeIds(): readonly string[] {
    return [...new Set([...this.#told.values()].map(({ nodeId }) => nodeId))];
  }

  put(told: Told): void {
    this.#told.set(keyOf(told.nodeId, told.mailbox), told);
    this.changed();
  }

  remove(nodeId: string, mailbox: string): void {
    if (this.#told.delete(keyOf(nodeId, mailbox))) this.changed();
  }

  /** Keeps what `keep` says yes to. */
  retain(keep: (nodeId: string) => boolean): void {
    for (const { nodeId, mailbox } of [...this.#told.values()]) if (!keep(nodeId)) this.remove(nodeId, mailbox);
  }

  /** Read from the backend: this and nothing else. */
  replace(all: readonly Told[]): void {
    this.#told.clear();
    for (const told of all) this.#told.set(keyOf(told.nodeId, told.mailbox), told);
    this.changed();
  }

  /** By node and mailbox, see `keyOf`. */
  feel(feelings: ReadonlyMap<string, Feeling>): void {
    // Lists stay the same as long as nothing is new: whoever works with them need not begin anew.
    const isNew =
      feelings.size !== this.#feelings.size || [...feelings].some(([key, one]) => !same(one, this.#feelings.get(key)));
    this.#feelings = feelings;
    if (isNew) this.changed();
  }

  changed(): void {
    this.#all = undefined;
    this.#routable = undefined;
    this.#lists.clear();
  }

  #listOf(filter: InstanceFilter | undefined): readonly Instance[] {
    this.#all ??= [...this.#told]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, told]) => this.#instance(told, this.#feelings.get(key)));
    return Object.freeze(this.#all.filter((instance) => matches(instance, filter)));
  }

  #instance({ nodeId, mailbox, node, served }: Told, feeling: Feeling | undefined): Instance {
    return Object.freeze({
      service: this.service,
      mailbox,
      nodeId,
      nodeName: node.name,
      host: node.host,
      pid: node.pid,
      version: served.version,
      methods: served.methods,
      ...marked(toldHealth(node, served), this.#markOf(this.service, nodeId)),
      weight: served.weight,
      tags: served.tags,
      meta: served.meta,
      external: served.external ?? false,
      ...(served.priorities === true ? { priorities: true } : undefined),
      ...(served.fair === true ? { fair: true } : undefined),
      ...(served.partitions === undefined ? undefined : { partitions: served.partitions }),
      startedAt: node.startedAt,
      load: feeling?.load ?? 0,
      score: feeling?.score ?? 1,
      responseMs: feeling?.responseMs,
      inFlight: feeling?.inFlight ?? 0,
      elsewhere: feeling?.elsewhere ?? 0,
    });
  }
}

function same(one: Feeling, other: Feeling | undefined): boolean {
  return (
    other !== undefined &&
    one.inFlight === other.inFlight &&
    one.elsewhere === other.elsewhere &&
    one.load === other.load &&
    one.score === other.score &&
    one.responseMs === other.responseMs
  );
}

/** Names an instance within its service. */
export function keyOf(nodeId: string, mailbox: string): string {
  return `${nodeId}/${mailbox}`;
}
