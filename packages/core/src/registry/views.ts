/**
 * Who serves what: a short note of every instance there is, and of the services most lately used all that is known. News
 * change both; a service that had to give way is read from the backend when it is asked for again.
 */
import type { InstanceEvent } from '../node/events.ts';
import type { InstanceStatus, NodeReport } from '../ports/report.ts';
import { isRoutable, serviceOf } from './instance.ts';
import type { Mark } from './marks.ts';
import { keyOf, marked, ServiceView, toldHealth, type Health, type Told } from './service-view.ts';
import type { Teller } from './tell.ts';

/** What is remembered of an instance in any case. */
interface Note {
  readonly service: string;
  readonly nodeName: string;
  readonly version: string;
  readonly told: Health;
  /** With the mark; what the program was told last. */
  readonly health: Health;
}

export interface ServiceSummary {
  readonly service: string;
  readonly instances: number;
  /** How many are of each version. */
  readonly versions: Readonly<Record<string, number>>;
  /** How many are in each state. */
  readonly statuses: Readonly<Partial<Record<InstanceStatus, number>>>;
}

export interface ViewsNeeds {
  readonly maxServices: number;
  readonly teller: Teller;
  markOf(service: string, nodeId: string): Mark | undefined;
  /** Something has changed about this service; undefined: about any of them. */
  touched(service: string | undefined): void;
  /** A node is no member any more. */
  gone(nodeId: string): void;
}

/** Names remembered of services that once were there. */
const MAX_SEEN = 100_000;

export class Views {
  readonly #needs: ViewsNeeds;
  readonly #views = new Map<string, ServiceView>();
  /** Node → mailbox → note. */
  readonly #nodes = new Map<string, Map<string, Note>>();
  /** Service → node and mailbox → note. */
  readonly #services = new Map<string, Map<string, Note>>();
  readonly #seen = new Set<string>();
  /** Node → mailboxes that it was found to serve before any news of that. */
  readonly #ahead = new Map<string, Set<string>>();
  /** Node → levels of alerts that it hears. */
  readonly #ears = new Map<string, readonly string[]>();
  #uses = 0;

  constructor(needs: ViewsNeeds) {
    this.#needs = needs;
  }

  /** The view of a service, which counts as used now; undefined when it is not there or had to give way. */
  use(service: string): ServiceView | undefined {
    const view = this.#views.get(service);
    if (view !== undefined) view.usedAt = this.#uses += 1;
    return view;
  }

  all(): Iterable<ServiceView> {
    return this.#views.values();
  }

  get size(): number {
    return this.#views.size;
  }

  /** Somebody is there who serves it. */
  isServed(service: string): boolean {
    return this.#services.has(service);
  }

  /** @param mailbox of one version line alone. */
  hasRoutable(service: string, mailbox?: string): boolean {
    for (const [key, { health }] of this.#services.get(service) ?? []) {
      if (isRoutable(health.status) && (mailbox === undefined || key.endsWith(`/${mailbox}`))) return true;
    }
    return false;
  }

  isServedElsewhere(mailbox: string, exceptNode: string): boolean {
    for (const key of this.#services.get(serviceOf(mailbox))?.keys() ?? []) {
      if (key.endsWith(`/${mailbox}`) && key !== keyOf(exceptNode, mailbox)) return true;
    }
    return false;
  }

  wasSeen(service: string): boolean {
    return this.#seen.has(service) || this.#services.has(service);
  }

  nodeIds(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  /** What each node hears of alerts, where it hears any. */
  ears(): Iterable<readonly string[]> {
    return this.#ears.values();
  }

  has(nodeId: string): boolean {
    return this.#nodes.has(nodeId);
  }

  /** What a node is now. */
  put(nodeId: string, { serves, hears, ...node }: NodeReport): void {
    const notes = this.#notesOf(nodeId);
    if (hears === undefined) this.#ears.delete(nodeId);
    else this.#ears.set(nodeId, hears);
    for (const [mailbox, note] of [...notes]) {
      if (!Object.hasOwn(serves, mailbox)) this.#forget(nodeId, mailbox, note, 'deregistered');
    }
    for (const mailbox of this.#ahead.get(nodeId) ?? []) {
      if (!Object.hasOwn(serves, mailbox)) this.#takeOut(nodeId, mailbox);
    }
    this.#ahead.delete(nodeId);
    for (const [mailbox, served] of Object.entries(serves)) {
      const service = serviceOf(mailbox);
      const view = this.#views.get(service) ?? (this.#services.has(service) ? undefined : this.open(service));
      if (view !== undefined) {
        view.put({ nodeId, mailbox, node, served });
        view.confirmed = false;
      }
      const told = toldHealth(node, served);
      this.#note(nodeId, mailbox, {
        service,
        nodeName: node.name,
        version: served.version,
        told,
        health: this.#withMark(service, nodeId, told),
      });
      this.#needs.touched(service);
    }
  }

  /** A node is no more. */
  drop(nodeId: string, how: 'deregistered' | 'expired'): void {
    for (const view of this.#views.values()) view.retain((id) => id !== nodeId);
    for (const [mailbox, note] of [...(this.#nodes.get(nodeId) ?? [])]) this.#forget(nodeId, mailbox, note, how);
    this.#nodes.delete(nodeId);
    this.#ahead.delete(nodeId);
    this.#ears.delete(nodeId);
    this.#needs.touched(undefined);
    this.#needs.gone(nodeId);
  }

  /** Everybody who is there was put: who was not named is gone. */
  retain(nodeIds: ReadonlySet<string>): void {
    for (const view of this.#views.values()) view.retain((id) => nodeIds.has(id));
    for (const nodeId of [...this.#ahead.keys()]) if (!nodeIds.has(nodeId)) this.#ahead.delete(nodeId);
    for (const nodeId of [...this.#nodes.keys()]) if (!nodeIds.has(nodeId)) this.drop(nodeId, 'deregistered');
  }

  /** The mark of a service on a node has changed. */
  restate(service: string, nodeId: string): void {
    this.#views.get(service)?.changed();
    for (const [mailbox, note] of [...(this.#nodes.get(nodeId) ?? [])]) {
      if (note.service === service)
        this.#note(nodeId, mailbox, { ...note, health: this.#withMark(service, nodeId, note.told) });
    }
    this.#needs.touched(service);
  }

  /** What was read of a service: of some of it there may have been no news yet, nor will there be when it is over before. */
  replace(view: ServiceView, told: readonly Told[]): void {
    view.replace(told);
    for (const { nodeId, mailbox } of told) {
      if (this.#nodes.get(nodeId)?.has(mailbox) === true) continue;
      const ahead = this.#ahead.get(nodeId);
      if (ahead === undefined) this.#ahead.set(nodeId, new Set([mailbox]));
      else ahead.add(mailbox);
    }
  }

  /** A new view, for which the one that was longest not used gives way. */
  open(service: string): ServiceView {
    if (this.#views.size >= this.#needs.maxServices) this.#giveWay();
    const view = new ServiceView(service, this.#needs.markOf);
    view.usedAt = this.#uses += 1;
    this.#views.set(service, view);
    return view;
  }

  summaries(): readonly ServiceSummary[] {
    return [...this.#services].map(([service, notes]) => {
      const versions: Record<string, number> = {};
      const statuses: Partial<Record<InstanceStatus, number>> = {};
      for (const { version, health } of notes.values()) {
        versions[version] = (versions[version] ?? 0) + 1;
        statuses[health.status] = (statuses[health.status] ?? 0) + 1;
      }
      return { service, instances: notes.size, versions, statuses };
    });
  }

  #note(nodeId: string, mailbox: string, note: Note): void {
    const notes = this.#notesOf(nodeId);
    const before = notes.get(mailbox);
    notes.set(mailbox, note);
    let instances = this.#services.get(note.service);
    if (instances === undefined) this.#services.set(note.service, (instances = new Map()));
    instances.set(keyOf(nodeId, mailbox), note);
    if (this.#seen.size < MAX_SEEN) this.#seen.add(note.service);
    const event: InstanceEvent = { service: note.service, nodeId, nodeName: note.nodeName, version: note.version };
    if (before === undefined) this.#needs.teller.registered(event, note.health);
    else if (before.health.status !== note.health.status)
      this.#needs.teller.health(event, before.health.status, note.health);
  }

  #forget(
    nodeId: string,
    mailbox: string,
    { service, nodeName, version }: Note,
    how: 'deregistered' | 'expired',
  ): void {
    this.#nodes.get(nodeId)?.delete(mailbox);
    const instances = this.#services.get(service);
    instances?.delete(keyOf(nodeId, mailbox));
    if (instances?.size === 0) this.#services.delete(service);
    this.#takeOut(nodeId, mailbox);
    this.#needs.teller.gone({ service, nodeId, nodeName, version }, how);
    this.#needs.touched(service);
  }

  #takeOut(nodeId: string, mailbox: string): void {
    const view = this.#views.get(serviceOf(mailbox));
    if (view === undefined) return;
    view.remove(nodeId, mailbox);
    view.confirmed = false;
  }

  #withMark(service: string, nodeId: string, told: Health): Health {
    return marked(told, this.#needs.markOf(service, nodeId));
  }

  #notesOf(nodeId: string): Map<string, Note> {
    let notes = this.#nodes.get(nodeId);
    if (notes === undefined) this.#nodes.set(nodeId, (notes = new Map()));
    return notes;
  }

  #giveWay(): void {
    let oldest: ServiceView | undefined;
    for (const view of this.#views.values()) if (oldest === undefined || view.usedAt < oldest.usedAt) oldest = view;
    if (oldest !== undefined) this.#views.delete(oldest.service);
  }
}
