/**
 * Looks services up: in memory while that is current, else in the backend. The first look at a service, and the first
 * after each news of it, reads the backend; so what is answered was never missed by the stream of news.
 */
import type { Clock } from '../ground/clock.ts';
import { messageOf, ServiceNotFound } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Membership } from '../ports/membership.ts';
import { serviceOf } from './instance.ts';
import { Lookups, type LookupStats } from './lookups.ts';
import { readReport } from './read-report.ts';
import { ServiceView, type Told } from './service-view.ts';
import type { Mark } from './marks.ts';
import type { Views } from './views.ts';

export interface DiscoveryNeeds {
  readonly membership: Membership;
  readonly views: Views;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxServices: number;
  readonly maxStaleMs: number;
  /** How long ago the views were surely current, ms. */
  age(): number;
  markOf(service: string, nodeId: string): Mark | undefined;
  /** A service was read from the backend into its view. */
  changed(): void;
}

interface Read {
  /** News of the service came while it was read: what is read may be older than they. */
  overtaken: boolean;
  readonly view: Promise<ServiceView>;
}

/** How long it is remembered that there is no such service, ms. */
const MISSING_MS = 1_000;
/** Reads of one lookup, when news keep overtaking it. */
const MAX_READS = 3;

export class Discovery {
  readonly #needs: DiscoveryNeeds;
  readonly #lookups: Lookups;
  readonly #reads = new Map<string, Read>();
  /** Service → when it was found to be missing, on the clock's `elapsed()`, ms. */
  readonly #missing = new Map<string, number>();

  constructor(needs: DiscoveryNeeds) {
    this.#needs = needs;
    this.#lookups = new Lookups(needs.maxServices);
  }

  /** @throws ServiceNotFound when there never was one; TransportError when the backend is needed and away. */
  async view(service: string): Promise<ServiceView> {
    const from = this.#needs.clock.elapsed();
    const known = this.#known(service);
    if (known !== undefined) {
      this.#lookups.answered(service, 'memory', this.#needs.clock.elapsed() - from);
      return known;
    }
    if (this.#isMissing(service, from)) {
      this.#lookups.failed(service);
      throw new ServiceNotFound(service);
    }
    try {
      const view = await this.#read(service);
      if (view.size === 0 && !this.#needs.views.wasSeen(service)) throw this.#missed(service);
      this.#lookups.answered(service, 'redis', this.#needs.clock.elapsed() - from);
      return view;
    } catch (thrown) {
      this.#lookups.failed(service);
      this.#needs.log.warn({ evt: 'service_lookup_failed', service, reason: messageOf(thrown) }, 'a lookup failed');
      throw thrown;
    }
  }

  /** Reads a service that had to give way, for the next who asks. */
  fetch(service: string): void {
    if (this.#reads.has(service)) return;
    this.#read(service).catch((thrown: unknown) => {
      this.#needs.log.warn({ evt: 'service_lookup_failed', service, reason: messageOf(thrown) }, 'a lookup failed');
    });
  }

  /** Something has changed about this service; undefined: about any of them. */
  touched(service: string | undefined): void {
    if (service === undefined) {
      for (const read of this.#reads.values()) read.overtaken = true;
      return;
    }
    this.#missing.delete(service);
    const read = this.#reads.get(service);
    if (read !== undefined) read.overtaken = true;
  }

  stats(): LookupStats {
    return this.#lookups.stats();
  }

  #known(service: string): ServiceView | undefined {
    const view = this.#needs.views.use(service);
    return view?.confirmed === true && this.#isCurrent() ? view : undefined;
  }

  #isCurrent(): boolean {
    return this.#needs.age() <= this.#needs.maxStaleMs;
  }

  #isMissing(service: string, now: number): boolean {
    const since = this.#missing.get(service);
    return since !== undefined && now - since <= MISSING_MS;
  }

  #missed(service: string): ServiceNotFound {
    if (this.#missing.size >= this.#needs.maxServices) this.#missing.clear();
    this.#missing.set(service, this.#needs.clock.elapsed());
    return new ServiceNotFound(service);
  }

  /** One read at a time for each service, whoever asks. */
  #read(service: string): Promise<ServiceView> {
    const under = this.#reads.get(service);
    if (under !== undefined) return under.view;
    const read: Read = {
      overtaken: false,
      view: this.#readUntilCurrent(service, () => {
        const { overtaken } = read;
        read.overtaken = false;
        return overtaken;
      }).finally(() => this.#reads.delete(service)),
    };
    this.#reads.set(service, read);
    return read.view;
  }

  async #readUntilCurrent(service: string, overtaken: () => boolean): Promise<ServiceView> {
    let told: readonly Told[] = [];
    for (let read = 0; read < MAX_READS; read += 1) {
      told = await this.#told(service);
      if (!overtaken()) return this.#keep(service, told);
    }
    // It changes faster than it can be read: this once, and not kept.
    const view = new ServiceView(service, this.#needs.markOf);
    view.replace(told);
    return view;
  }

  #keep(service: string, told: readonly Told[]): ServiceView {
    const { views } = this.#needs;
    let view = views.use(service);
    if (view === undefined && told.length === 0 && !views.isServed(service))
      return new ServiceView(service, this.#needs.markOf);
    view ??= views.open(service);
    views.replace(view, told);
    view.confirmed = true;
    this.#needs.changed();
    return view;
  }

  async #told(service: string): Promise<readonly Told[]> {
    const members = await this.#needs.membership.serving(service);
    return members.flatMap(({ id: nodeId, report: given }) => {
      const report = given === undefined ? undefined : readReport(nodeId, given, this.#needs.log);
      if (report === undefined) return [];
      const { serves, ...node } = report;
      return Object.entries(serves)
        .filter(([mailbox]) => serviceOf(mailbox) === service)
        .map(([mailbox, served]) => ({ nodeId, mailbox, node, served }));
    });
  }
}
