/** Somebody is refused again and again: by handlers of this node, by services that it calls, or this node by the backend. */
import type { HomeostatError } from '../../ground/errors.ts';
import { serviceOf } from '../../registry/instance.ts';
import { Burst } from './burst.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import type { SourcesPolicy } from './options.ts';
import { Pains } from './pains.ts';

type AuthPolicy = Exclude<SourcesPolicy['authFailures'], false>;

const KIND = 'auth-failures';
/** Not the name of a service: those have no spaces. */
const BACKEND = 'the backend';

export class AuthFailures implements Source {
  readonly #needs: SourcesNeeds;
  readonly #policy: AuthPolicy;
  readonly #codes: ReadonlySet<string>;
  readonly #pains: Pains;
  readonly #bursts = new Map<string, Burst>();
  /** Service → refusals of this node's calls, at the last look. */
  readonly #refused = new Map<string, number>();

  constructor(needs: SourcesNeeds, policy: AuthPolicy) {
    this.#needs = needs;
    this.#policy = policy;
    this.#codes = new Set(policy.codes);
    this.#pains = new Pains(needs);
  }

  /** A handler of this node has failed with this code. */
  ended(mailbox: string, code: string): void {
    if (this.#codes.has(code)) this.#count(serviceOf(mailbox), 'handled here', 1);
  }

  /** The backend has refused this node: once is enough. */
  backendRefused({ message }: HomeostatError): void {
    this.#pains.hurts(BACKEND, { kind: KIND, scope: 'backend' }, () => ({
      severity: 'high',
      message: `the backend refuses node ${this.#needs.selfId()}: ${message}`,
      actions: ['check user, password and ACL of this node'],
    }));
  }

  /** What this node's calls came to is counted anyway: here is how much it has grown. */
  tick(): void {
    for (const [service, { failures }] of Object.entries(this.#needs.callStats())) {
      let refused = 0;
      for (const code of this.#codes) refused += failures[code] ?? 0;
      const before = this.#refused.get(service) ?? 0;
      if (refused === before) continue;
      this.#refused.set(service, refused);
      this.#count(service, 'called from here', refused - before);
    }
    this.#pains.calm(this.#policy.windowMs);
  }

  close(): void {
    this.#pains.close();
  }

  #count(service: string, where: string, times: number): void {
    const { failures, windowMs } = this.#policy;
    const key = `${service} ${where}`;
    let burst = this.#bursts.get(key);
    if (burst === undefined) this.#bursts.set(key, (burst = new Burst(failures, windowMs)));
    const now = this.#needs.timers.clock.elapsed();
    let hurts = false;
    for (let n = Math.min(times, failures); n > 0; n -= 1) hurts = burst.add(now);
    if (!hurts) return;
    this.#pains.hurts(service, { kind: KIND, service }, () => ({
      severity: 'high',
      message: `${service}: ${failures} or more requests, ${where}, were refused within ${windowMs / 1_000} s`,
      metrics: { failures, windowMs },
    }));
  }
}
