/** What holds for every service on this node: defaults < contract < file < code < live. */
import { DEFAULT_SERVICE, type MethodSettings, type ServicePolicy, type ServiceSettings } from './service-settings.ts';
import { Profiles } from './profiles.ts';
import { methodPolicy, servicePolicy, type MethodPolicy } from './resolve.ts';

export interface PolicySources {
  /** Of every service. */
  readonly defaults?: ServiceSettings | undefined;
  readonly file?: Readonly<Record<string, ServiceSettings>> | undefined;
  readonly code?: Readonly<Record<string, ServiceSettings>> | undefined;
  readonly profiles?: Profiles | undefined;
  /** Throws at a strategy that there is not. */
  readonly checkStrategy?: ((name: string) => void) | undefined;
}

export class Policies {
  readonly profiles: Profiles;
  /** Grows with every change: whoever keeps a policy looks here whether it still holds. */
  revision = 0;
  readonly #defaults: ServiceSettings;
  readonly #file: Readonly<Record<string, ServiceSettings>>;
  readonly #code: Readonly<Record<string, ServiceSettings>>;
  readonly #checkStrategy: (name: string) => void;
  readonly #live = new Map<string, ServiceSettings>();
  readonly #services = new Map<string, ServicePolicy>();

  /** @throws ConfigError when a source names a profile or a strategy that there is not. */
  constructor({ defaults = {}, file = {}, code = {}, profiles = new Profiles(), checkStrategy }: PolicySources = {}) {
    this.#defaults = defaults;
    this.#file = file;
    this.#code = code;
    this.profiles = profiles;
    this.#checkStrategy = checkStrategy ?? (() => {});
    this.check('', defaults);
    for (const [service, settings] of [...Object.entries(file), ...Object.entries(code)]) this.check(service, settings);
  }

  service(service: string): ServicePolicy {
    let policy = this.#services.get(service);
    if (policy === undefined) {
      policy = Object.freeze(servicePolicy([this.#defaults, ...this.#sources(service)], this.profiles));
      this.#services.set(service, policy);
    }
    return policy;
  }

  method(service: string, method: string, declared: MethodSettings): MethodPolicy {
    return methodPolicy(method, this.#defaults, declared, this.#sources(service), this.profiles);
  }

  /** Live settings of a service, or none any more. @throws ConfigError, and then nothing has changed. */
  setLive(service: string, settings: ServiceSettings | undefined): void {
    if (settings !== undefined) this.check(service, settings);
    if (settings === undefined) this.#live.delete(service);
    else this.#live.set(service, settings);
    this.#services.delete(service);
    this.revision += 1;
  }

  /** Whether settings would hold. @throws ConfigError */
  check(service: string, settings: ServiceSettings): void {
    const sources = [this.#defaults, this.#file[service] ?? {}, this.#code[service] ?? {}, settings];
    const { balance } = servicePolicy(sources, this.profiles);
    if (balance !== DEFAULT_SERVICE.balance) this.#checkStrategy(balance);
    for (const [method, own] of Object.entries(settings.methods ?? {}))
      methodPolicy(method, {}, own, [], this.profiles);
  }

  live(service: string): ServiceSettings | undefined {
    return this.#live.get(service);
  }

  #sources(service: string): ServiceSettings[] {
    return [this.#file[service], this.#code[service], this.#live.get(service)].filter((said) => said !== undefined);
  }
}
