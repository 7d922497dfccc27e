/** How this node and what it serves fare: it runs the checks, judges what they and the work say, and acts on it. */
import type { ActorVitals, CheckVitals, InstanceStatus } from '../ports/report.ts';
import { aggregate, type Judgement, type Part } from './aggregate.ts';
import { DEFAULT_CHECK_TIMEOUT_MS, type CheckOptions } from './check-options.ts';
import type { Check } from './check.ts';
import { Checks } from './checks.ts';
import type { Dependencies } from './dependencies.ts';
import { CpuMeter, memoryShare, type OwnFigures, type ServiceFigures } from './figures.ts';
import type { History } from './history.ts';
import { hasStarted, LocalInstance, partOf } from './local-instance.ts';
import { LoopDelays, measureLoopDelay, type LoopDelay } from './loop-delay.ts';
import type { HealthNeeds, HealthPolicy, Healed } from './needs.ts';
import type { CheckFn } from './probes/answer.ts';
import { DEFAULT_REMOVE_BELOW } from './rotation.ts';
import { DEFAULT_LIMITS } from './score.ts';

/** Failures in a row that are borne before one hurts. */
const DEFAULT_ALERT_AFTER = 5;

/** A status to be told to others, and why it is not `healthy`. */
export interface StatusReport {
  readonly status: InstanceStatus;
  readonly reason?: string | undefined;
}

export class OwnHealth {
  readonly #needs: HealthNeeds;
  readonly #policy: HealthPolicy;
  readonly #history: History;
  readonly #dependencies: Dependencies;
  readonly #checks: Checks;
  readonly #served = new Map<string, LocalInstance>();
  readonly #loopDelay: LoopDelay;
  readonly #loopDelays = new LoopDelays();
  readonly #cpu = new CpuMeter();
  /** Checks of which it was said that they hurt. */
  readonly #hurting = new Set<string>();
  #node: Judgement = { status: 'healthy' };

  constructor(needs: HealthNeeds, history: History, dependencies: Dependencies) {
    this.#needs = needs;
    this.#history = history;
    this.#dependencies = dependencies;
    this.#policy = {
      removeBelow: DEFAULT_REMOVE_BELOW,
      alertAfter: DEFAULT_ALERT_AFTER,
      limits: DEFAULT_LIMITS,
      ...needs.policy,
    };
    this.#loopDelay = needs.loopDelay ?? measureLoopDelay();
    this.#checks = new Checks({
      timers: needs.timers,
      random: needs.random ?? Math.random,
      ran: (check) => this.#ran(check),
      changed: () => this.judge(),
    });
  }

  get loopDelayMs(): number {
    return this.#loopDelays.lastMs;
  }

  check(name: string, fn: CheckFn, options: CheckOptions): () => void {
    const remove = this.#checks.add(name, fn, options);
    return () => {
      remove();
      this.#heal({ service: options.service, check: name });
    };
  }

  serve(mailbox: string): () => void {
    const instance = new LocalInstance(mailbox);
    this.#served.set(mailbox, instance);
    this.#judgeOne(instance, this.#nodeParts());
    return () => {
      if (this.#served.get(mailbox) === instance) this.#served.delete(mailbox);
    };
  }

  outcome(mailbox: string, ms: number, failed: boolean): void {
    this.#served.get(mailbox)?.outcomes.add(ms, failed);
  }

  /** What is served here of a service. */
  of(service: string): readonly LocalInstance[] {
    return [...this.#served.values()].filter((instance) => instance.service === service);
  }

  /** Every check that has a say in what is served at a mailbox. */
  checksOf(mailbox: string): readonly Check[] {
    return [...this.#checks.ofNode(), ...this.#checks.of(mailbox)];
  }

  statusOf(mailbox: string): StatusReport {
    return this.#told(this.#served.get(mailbox)?.judgement ?? this.#node);
  }

  nodeStatus(): StatusReport {
    return this.#told(this.#node);
  }

  vitals(mailbox: string): Pick<ActorVitals, 'score' | 'responseMs'> {
    const instance = this.#served.get(mailbox);
    if (instance === undefined) return { score: 1 };
    const { responseMs } = instance.outcomes;
    const score = instance.score(this.checksOf(mailbox));
    return responseMs === undefined ? { score } : { score, responseMs };
  }

  checkVitals(): Readonly<Record<string, CheckVitals>> {
    return this.#checks.vitals();
  }

  figures(): OwnFigures {
    const services: Record<string, ServiceFigures> = {};
    for (const { mailbox, outcomes } of this.#served.values()) {
      const { ended, errorRate, responseMs } = outcomes;
      services[mailbox] = { ended, errorRate, responseMs };
    }
    return { loopDelayMs: this.loopDelayMs, memoryShare: memoryShare(), cpuShare: this.#cpu.share, services };
  }

  /** A beat has passed. What nothing happened to is not looked at: an idle node has no work with a thousand mailboxes. */
  beat(): void {
    const loopBefore = this.#loop().status;
    this.#loopDelays.add(this.#loopDelay.takeMs());
    this.#needs.hooks?.stood?.(this.loopDelayMs);
    this.#cpu.beat();
    const busy = [...this.#served.values()].filter(({ outcomes }) => !outcomes.quiet);
    for (const instance of busy) {
      instance.outcomes.beat();
      if (!instance.outcomes.routable) void this.#tryAgain(instance);
    }
    if (this.#loop().status === loopBefore) this.#judge(busy);
    else this.judge();
  }

  /** Judges everything anew. */
  judge(): void {
    this.#judge([...this.#served.values()]);
  }

  close(): void {
    this.#checks.close();
    this.#loopDelay.close();
  }

  /** Judges the node and these instances, tells of what changed, and records that and what was checked just now. */
  #judge(instances: readonly LocalInstance[], checked = false): void {
    const parts = this.#nodeParts();
    const before = this.#node.status;
    this.#node = aggregate(parts.filter(hasStarted));
    let changed = this.#node.status !== before;
    for (const instance of instances) {
      if (this.#judgeOne(instance, parts)) changed = true;
      else if (checked) this.#record(instance);
    }
    if (changed) this.#needs.hooks?.changed?.();
  }

  /** True: its status has changed. */
  #judgeOne(instance: LocalInstance, node: readonly Part[]): boolean {
    const from = instance.judgement.status;
    const own = this.#checks.of(instance.mailbox);
    const checks = [...this.#checks.ofNode(), ...own];
    const changed = instance.judge([...node, ...own.map(partOf)], checks, this.#policy.limits);
    if (changed) {
      this.#log(instance, from);
      this.#record(instance);
    }
    this.#rotate(instance, checks);
    return changed;
  }

  #rotate(instance: LocalInstance, checks: readonly Check[]): void {
    const { removeBelow } = this.#policy;
    if (!instance.rotate(checks, removeBelow, this.#needs.timers.clock.elapsed())) return;
    const to = instance.out === undefined ? 'in' : 'out';
    const reason = instance.out ?? 'its checks pass again';
    this.#needs.log.warn(
      { evt: 'rotation_changed', mailbox: instance.mailbox, to, reason },
      'checks have decided whether this node takes work of a mailbox',
    );
    this.#needs.hooks?.rotation?.(instance.mailbox, to, reason);
  }

  #ran(check: Check): void {
    const { service } = check.policy;
    const all = [...this.#served.values()];
    const concerned = (one: LocalInstance): boolean => one.service === service || one.mailbox === service;
    this.#judge(service === undefined ? all : all.filter(concerned), true);
    const { failures, reason } = check.standing;
    const hurting = { service, check: check.name };
    if (failures === 0) this.#heal(hurting);
    if (failures !== this.#policy.alertAfter + 1) return;
    this.#hurting.add(keyOf(hurting));
    this.#needs.hooks?.hurt?.({ ...hurting, failures, reason });
  }

  #heal(hurting: Healed): void {
    if (this.#hurting.delete(keyOf(hurting))) this.#needs.hooks?.healed?.(hurting);
  }

  /** Nobody may send work to an instance whose work failed, so it proves itself by pings. */
  async #tryAgain(instance: LocalInstance): Promise<void> {
    if (instance.pinging) return;
    instance.pinging = true;
    try {
      await this.#needs.ping(instance.mailbox, DEFAULT_CHECK_TIMEOUT_MS);
      instance.outcomes.mark(false);
    } catch {
      instance.outcomes.mark(true);
    }
    instance.pinging = false;
  }

  #log({ mailbox, judgement: { status: to, reason } }: LocalInstance, from: string): void {
    const entry = { evt: 'health_changed', mailbox, from, to, reason };
    if (to === 'unhealthy') this.#needs.log.warn(entry, 'what this node serves is unhealthy');
    else this.#needs.log.info(entry, 'the health of what this node serves has changed');
  }

  #record({ mailbox, service, judgement }: LocalInstance): void {
    const at = this.#needs.timers.clock.now();
    this.#history.add(service, { at, nodeId: this.#needs.selfId(), ...judgement, ...this.vitals(mailbox) });
  }

  /** What concerns everything here. */
  #nodeParts(): readonly Part[] {
    return [this.#loop(), ...this.#dependencies.parts(), ...this.#checks.ofNode().map(partOf)];
  }

  #loop(): Part {
    return { name: 'event loop', ...this.#loopDelays.judge(this.#needs.stallMs) };
  }

  #told(judgement: Judgement): StatusReport {
    return this.#needs.facts().draining ? { status: 'draining' } : judgement;
  }
}

function keyOf({ service, check }: Healed): string {
  return `${service ?? ''} ${check}`;
}
