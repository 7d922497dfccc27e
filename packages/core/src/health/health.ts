/** How this node and what it serves fare, and what is known of the rest: the face of everything in this folder. */
import { ConfigError, NoHealthyInstances, ServiceNotFound } from '../ground/errors.ts';
import { serviceOf } from '../registry/instance.ts';
import type { ActorVitals, CheckVitals, InstanceStatus } from '../ports/report.ts';
import { standingOf } from './aggregate.ts';
import { DEFAULT_CHECK_TIMEOUT_MS, type CheckOptions } from './check-options.ts';
import type { Check } from './check.ts';
import { Dependencies } from './dependencies.ts';
import type { Figures } from './figures.ts';
import { History, type HealthMoment } from './history.ts';
import type { LocalInstance } from './local-instance.ts';
import type { HealthNeeds } from './needs.ts';
import { OwnHealth, type StatusReport } from './own-health.ts';
import type { CheckFn } from './probes/answer.ts';
import { pingProbe } from './probes/ping.ts';
import { judgeLiveness, ReadinessGate, refusalReasons, type Liveness, type Readiness } from './readiness.ts';
import { healthOverview, healthRecord, type HealthOverview, type HealthRecord } from './record.ts';
import { Sightings } from './sightings.ts';

export class Health implements Disposable {
  readonly #needs: HealthNeeds;
  readonly #dependencies: Dependencies;
  readonly #history = new History();
  readonly #own: OwnHealth;
  readonly #sightings: Sightings;
  readonly #gate: ReadinessGate;
  #lastBeatAt: number;
  #cancelBeat: () => void = () => {};
  #closed = false;

  constructor(needs: HealthNeeds) {
    this.#needs = needs;
    const { timers, events, selfId, beatMs } = needs;
    const { clock } = timers;
    this.#dependencies = new Dependencies(needs.registry);
    this.#own = new OwnHealth(needs, this.#history, this.#dependencies);
    this.#sightings = new Sightings({
      events,
      history: this.#history,
      now: () => clock.now(),
      selfId,
      seen: () => void this.#lookAround(),
    });
    this.#gate = new ReadinessGate(
      beatMs,
      () => clock.elapsed(),
      () => needs.roundTrip(),
    );
    this.#lastBeatAt = clock.elapsed();
    this.#awaitBeat();
  }

  /**
   * Adds a check: a function that throws, answers `false` or `unhealthy` when something is wrong; or `'ping'`, which asks
   * `options.service` through its mailbox. It runs at once and then at its times. Answers the function that takes it off.
   * @throws ConfigError for a wrong option, and for a name that is taken.
   */
  check(name: string, probe: CheckFn | 'ping', options: CheckOptions = {}): () => void {
    return this.#own.check(name, probe === 'ping' ? this.#pingOf(name, options) : probe, options);
  }

  /** This node serves the mailbox from now on. Answers the function that says it does no more. */
  serve(mailbox: string): () => void {
    return this.#own.serve(mailbox);
  }

  /** These services are needed: without one this node is degraded, and without a critical one not ready. */
  dependsOn(names: readonly string[], options: { readonly critical?: boolean | undefined } = {}): void {
    this.#dependencies.add(names, options.critical ?? false);
    void this.#lookAround();
  }

  /**
   * Work of a mailbox has ended. `failed` is said of what the instance is to blame for: a handler that broke or ran out of
   * time, not an error that its contract declares and not a wrong input.
   */
  outcome(mailbox: string, ms: number, failed: boolean): void {
    this.#own.outcome(mailbox, ms, failed);
  }

  /** How a service fares. Rejects with `ServiceNotFound` when nobody is known to serve it or to have served it. */
  async of(service: string): Promise<HealthRecord> {
    const known = await this.#needs.registry.instances(service, { status: 'any' });
    const local = this.#own.of(serviceOf(service));
    const past = this.#history.last(service, 1).at(-1);
    if (known.length === 0 && local.length === 0 && past === undefined) throw new ServiceNotFound(service);
    const selfId = this.#needs.selfId();
    const views = known.map((view) => {
      const own = view.nodeId === selfId ? local.find(({ mailbox }) => sameMajor(mailbox, view.version)) : undefined;
      return own === undefined ? view : { ...view, ...this.vitals(own.mailbox) };
    });
    const checks = local.flatMap(({ mailbox }) => this.#own.checksOf(mailbox));
    const lastCheck = Math.max(...checks.map(({ lastAt }) => lastAt ?? -Infinity));
    return healthRecord(service, views, {
      details: local.length === 0 ? {} : { checks: Object.fromEntries(checks.map(detailOf)), ...figuresOf(local) },
      absent: past?.status === 'expired' ? 'expired' : 'unknown',
      ...(Number.isFinite(lastCheck) ? { lastCheck } : undefined),
    });
  }

  /** Every service that somebody serves. */
  async all(): Promise<Readonly<Record<string, HealthRecord>>> {
    const names = await this.#needs.registry.services();
    const records = await Promise.all(names.map((name) => this.of(name).catch(unlessGone)));
    return Object.fromEntries(records.flatMap((record) => (record === undefined ? [] : [[record.service, record]])));
  }

  async overview(): Promise<HealthOverview> {
    return healthOverview(Object.values(await this.all()));
  }

  /** What this node saw of a service: its last `count` moments, oldest first; at most 1,000 are kept. */
  history(service: string, count: number): readonly HealthMoment[] {
    return this.#history.last(service, count);
  }

  /** What is known of a service on one node: its status, `expired` when that node died, `unknown` when it was never seen. */
  async standing(service: string, nodeId: string): Promise<InstanceStatus | 'expired' | 'unknown'> {
    const known = await this.#needs.registry.instances(service, { status: 'any' });
    const instance = known.find((one) => one.nodeId === nodeId);
    if (instance !== undefined) return standingOf({ status: instance.status, beating: true });
    return standingOf(this.#sightings.expired(service, nodeId) ? { status: 'unhealthy', beating: false } : undefined);
  }

  /**
   * Checks a service now. On this node: runs its checks, or pings it where it has none. Elsewhere: pings it.
   * Rejects with what the check threw, `CheckFailed`, `NoHealthyInstances`, or `ServiceNotFound`.
   */
  async run(service: string): Promise<void> {
    const { healthyInstances } = await this.of(service);
    const checks = this.#own.of(serviceOf(service)).flatMap(({ mailbox }) => this.#own.checksOf(mailbox));
    if (checks.length > 0) {
      await Promise.all(checks.map((check) => check.run()));
      return;
    }
    if (healthyInstances === 0) throw new NoHealthyInstances(service);
    await this.#needs.ping(service, DEFAULT_CHECK_TIMEOUT_MS);
  }

  /** Of a mailbox that this node serves, for its report. */
  statusOf(mailbox: string): StatusReport {
    return this.#own.statusOf(mailbox);
  }

  /** Of the node itself, for its report. */
  nodeStatus(): StatusReport {
    return this.#own.nodeStatus();
  }

  /** Of a mailbox that this node serves, for its vitals. */
  vitals(mailbox: string): Pick<ActorVitals, 'score' | 'responseMs'> {
    return this.#own.vitals(mailbox);
  }

  /** What the checks say, for the vitals of the node. */
  checks(): Readonly<Record<string, CheckVitals>> {
    return this.#own.checkVitals();
  }

  /** Longest delay of the event loop in the last beat, ms. */
  get loopDelayMs(): number {
    return this.#own.loopDelayMs;
  }

  /** What alert rules look at. */
  async figures(): Promise<Figures> {
    return { ...this.#own.figures(), backend: await this.#needs.backendHealth() };
  }

  /** Whether work should be sent to this node. */
  readiness(): Readiness {
    const facts = this.#needs.facts();
    const reasons = [...refusalReasons(facts), ...this.#gate.look(facts), ...this.#dependencies.reasons()];
    return { ready: reasons.length === 0, reasons };
  }

  /** Whether this process is worth keeping. */
  liveness(): Liveness {
    const { facts, timers, beatMs, evictMs } = this.#needs;
    const lateMs = timers.clock.elapsed() - this.#lastBeatAt - beatMs;
    return judgeLiveness(this.#closed || facts().closed === true, Math.max(lateMs, this.loopDelayMs), evictMs);
  }

  close(): void {
    this.#closed = true;
    this.#cancelBeat();
    this.#own.close();
    this.#sightings.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #awaitBeat(): void {
    this.#cancelBeat = this.#needs.timers.setTimer(this.#needs.beatMs, () => this.#beat());
  }

  #beat(): void {
    this.#lastBeatAt = this.#needs.timers.clock.elapsed();
    this.#gate.look(this.#needs.facts());
    this.#own.beat();
    void this.#lookAround();
    this.#awaitBeat();
  }

  async #lookAround(): Promise<void> {
    try {
      const changed = await this.#dependencies.look();
      if (changed && !this.#closed) this.#own.judge();
    } catch {
      // The registry cannot be asked: what is known stays.
    }
  }

  #pingOf(name: string, { service, timeoutMs }: CheckOptions): CheckFn {
    if (service === undefined) throw new ConfigError(`check ${name}: a ping needs the service that it asks`);
    return pingProbe(this.#needs.ping, service, timeoutMs ?? DEFAULT_CHECK_TIMEOUT_MS);
  }
}

function sameMajor(mailbox: string, version: string): boolean {
  return mailbox.endsWith(`@${version.split('.')[0]}`);
}

function detailOf({ name, standing, responseMs, lastAt }: Check): readonly [string, unknown] {
  const { status, reason, failures } = standing;
  return [name, { status, reason, failures, responseMs, lastCheck: lastAt }];
}

function figuresOf(instances: readonly LocalInstance[]): { readonly errorRate?: number } {
  const rates = instances.map(({ outcomes }) => outcomes.errorRate).filter((rate) => rate !== undefined);
  return rates.length === 0 ? {} : { errorRate: Math.max(...rates) };
}

function unlessGone(thrown: unknown): undefined {
  if (thrown instanceof ServiceNotFound) return undefined;
  throw thrown;
}
