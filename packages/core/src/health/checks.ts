/** The checks of one node, by name: those of the node, and those of single services it serves. */
import { ConfigError } from '../ground/errors.ts';
import type { CheckVitals } from '../ports/report.ts';
import { serviceOf } from '../registry/instance.ts';
import { checkPolicy, type CheckOptions } from './check-options.ts';
import { Check, type CheckNeeds } from './check.ts';
import type { CheckFn } from './probes/answer.ts';

export class Checks {
  readonly #needs: CheckNeeds;
  /** By what they speak for: a service, a mailbox, or undefined for the node. */
  readonly #families = new Map<string | undefined, Map<string, Check>>();

  constructor(needs: CheckNeeds) {
    this.#needs = needs;
  }

  /**
   * Answers the function that takes it off again.
   * @throws ConfigError for a wrong option, and for a name that is taken: names are of the node or of one service.
   */
  add(name: string, fn: CheckFn, options: CheckOptions = {}): () => void {
    const policy = checkPolicy(name, options);
    if (name === '') throw new ConfigError('check: give it a name');
    if (typeof fn !== 'function') throw new ConfigError(`check ${name}: must be a function or 'ping'`);
    const family = this.#family(policy.service);
    if (family.has(name))
      throw new ConfigError(`check ${keyOf(name, policy.service)}: there is one of this name already`);
    const check = new Check(name, fn, policy, this.#needs);
    family.set(name, check);
    return () => {
      if (family.get(name) !== check) return;
      family.delete(name);
      check.stop();
      this.#needs.changed();
    };
  }

  /** Of the node itself. */
  ofNode(): readonly Check[] {
    return this.#of(undefined);
  }

  /** Of what this node serves at a mailbox; those of the node are not among them. */
  of(mailbox: string): readonly Check[] {
    return [...this.#of(serviceOf(mailbox)), ...this.#of(mailbox)];
  }

  /** For the beat: what each of them says. One that has not passed yet says nothing. */
  vitals(): Readonly<Record<string, CheckVitals>> {
    const said: Record<string, CheckVitals> = {};
    for (const { name, policy, standing } of this.#all()) {
      const { status, reason } = standing;
      if (status !== 'starting') said[keyOf(name, policy.service)] = { status, reason };
    }
    return said;
  }

  close(): void {
    for (const check of this.#all()) check.stop();
    this.#families.clear();
  }

  #family(service: string | undefined): Map<string, Check> {
    let family = this.#families.get(service);
    if (family === undefined) this.#families.set(service, (family = new Map<string, Check>()));
    return family;
  }

  #of(service: string | undefined): readonly Check[] {
    const family = this.#families.get(service);
    return family === undefined ? [] : [...family.values()];
  }

  #all(): readonly Check[] {
    return [...this.#families.values()].flatMap((family) => [...family.values()]);
  }
}

function keyOf(name: string, service: string | undefined): string {
  return service === undefined ? name : `${service}/${name}`;
}
