/**
 * What lies between one node and the backend. Whatever the port, a call takes its time there and back, an answer may get
 * lost, and what the backend tells the node arrives later, in order. Nothing here knows what a port is for.
 */
import type { Backend, Link } from '../../src/backend.ts';
import type { Timers } from '../../src/ground/clock.ts';
import { TransportError } from '../../src/ground/errors.ts';
import type { Chance } from './chance.ts';
import { WORLD, type Kernel, type Owner } from './kernel.ts';

export interface WireNeeds {
  readonly kernel: Kernel;
  readonly chance: Chance;
  /** Whose tasks the node's are. */
  readonly loop: Owner;
  /** What the node waits by. */
  readonly timers: Timers;
  /** Part of the calls whose answers get lost, where that is survivable, 0 to 1. */
  readonly loss: number;
  /** Most delays are below this, ms; some are twenty times as long. */
  readonly slowMs: number;
  /** Told what goes over the wire, in the backend's order of things; must not throw. */
  seen(port: string, method: string, args: readonly unknown[], result: unknown): void;
  /** A claim is dealt to the node. Must not throw. */
  dealt(claims: unknown): void;
}

type Act = (...args: unknown[]) => unknown;
type Parts = Readonly<Record<string, unknown>>;

/** What a backend asks of a node and waits for: answered at once. Everything else it tells is on its way for a while. */
const ASKED: ReadonlySet<string> = new Set(['room', 'report', 'vitals']);
/** Calls that are repeated when their outcome is unknown. */
const REPEATED: ReadonlySet<string> = new Set(['append', 'appendAll', 'reply', 'settle', 'commit', 'relayed']);
/** A broken connection is noticed within this, ms. */
const NOTICE_MS = 30;

/** What is on its way to one intake: as long as there is anything, it has no room. */
interface Transit {
  readonly frames: Set<() => void>;
  wake: () => void;
  /** How often the node has sent the reader elsewhere, and how often that has arrived: what was read before is not wanted. */
  sought: number;
  seeks: number;
}

export class Wire {
  readonly #needs: WireNeeds;
  /** Grows when the node joins: what was called or told before is not about this member. */
  #epoch = 0;
  /** Grows with every cut: what was on its way then does not arrive. */
  #cuts = 0;
  #cut = false;
  #lossless = false;
  readonly #lastAt = new Map<string, number>();
  readonly #onMend = new Set<() => void>();
  /** Of readers that have not been closed. */
  readonly #open = new Set<Transit>();

  constructor(needs: WireNeeds) {
    this.#needs = needs;
  }

  /** Answers on their way are lost from now on, calls fail, and what the backend has to tell waits. */
  cut(): void {
    this.#cut = true;
    this.#cuts += 1;
  }

  mend(): void {
    this.#cut = false;
    const waiting = [...this.#onMend];
    this.#onMend.clear();
    for (const arrive of waiting) arrive();
    // Whoever was asked for room meanwhile had none.
    for (const { wake } of this.#open) this.#needs.kernel.after(0, wake, WORLD);
  }

  /** From now on no answer gets lost. */
  calm(): void {
    this.#lossless = true;
  }

  /** The backend as the node sees it. */
  around(backend: Backend): Backend {
    return {
      name: backend.name,
      connect: async (identity) =>
        this.#link((await this.#call('backend', 'connect', () => backend.connect(identity), [identity])) as Link),
    };
  }

  #link(link: Link): Link {
    const ports = new Map<string, object>();
    const own: Partial<Link> = {
      timers: this.#needs.timers,
      now: () => link.now(),
      ready: (signal) => this.#ready(signal),
      health: async () =>
        this.#cut ? { connected: false, connections: 0 } : { connected: true, connections: 1, pingMs: 1 },
      ping: () => this.#call('link', 'ping', () => link.ping(), []) as Promise<number>,
      close: () => this.#needs.kernel.as(WORLD, () => link.close()),
    };
    return new Proxy(link, {
      get: (target, name: keyof Link) => {
        if (name in own) return own[name];
        const inner: unknown = target[name];
        if (typeof inner !== 'object' || inner === null) return inner;
        let port = ports.get(name);
        if (port === undefined) ports.set(name, (port = this.#port(name, inner)));
        return port;
      },
    });
  }

  #port(port: string, inner: object): object {
    return new Proxy(inner, {
      get: (target, name: string) => {
        const act = (target as Parts)[name];
        if (typeof act !== 'function') return act;
        return (...args: unknown[]) => {
          const transit: Transit = { frames: new Set(), wake: () => undefined, sought: 0, seeks: 0 };
          const wired = args.map((arg) => (hasFunctions(arg) ? this.#told(`${port} ${name}`, arg, transit) : arg));
          return this.#call(port, name, () => (act as Act).apply(target, wired), args, transit);
        };
      },
    });
  }

  /** What a node gave to be told or asked by, as the backend sees it. */
  #told(channel: string, inner: Parts, transit: Transit): object {
    const { kernel, loop } = this.#needs;
    return new Proxy(inner, {
      get: (target, name: string) => {
        const act = target[name];
        if (typeof act !== 'function') return act;
        if (name === 'room')
          return () =>
            this.#cut || loop.dead || transit.frames.size > 0 ? 0 : kernel.as(loop, () => (act as Act).call(target));
        if (ASKED.has(name)) return (...args: unknown[]) => kernel.as(loop, () => (act as Act).apply(target, args));
        return (...args: unknown[]) => {
          if (name !== 'take') return this.#tell(channel, () => void (act as Act).apply(target, args));
          this.#needs.dealt(args[0]);
          const landed = (): boolean => {
            // Whoever asked meanwhile has been told that there is no room.
            kernel.after(0, transit.wake, WORLD);
            return transit.frames.delete(arrive);
          };
          const { seeks } = transit;
          const arrive = (): void => {
            if (landed() && seeks === transit.sought) (act as Act).apply(target, args);
          };
          transit.frames.add(arrive);
          return this.#tell(channel, arrive, landed);
        };
      },
    });
  }

  /** What a call gave into the node's hands: a reader. What it is told is on its way for a while, like any call. */
  #handle(channel: string, inner: Parts, transit: Transit): object {
    const { kernel } = this.#needs;
    return new Proxy(inner, {
      get: (target, name: string) => {
        const act = target[name];
        if (typeof act !== 'function') return act;
        if (name === 'close') return () => this.#close(() => (act as Act).call(target) as Promise<void>, transit);
        return (...args: unknown[]) => {
          if (name === 'seek') transit.sought += 1;
          const arrive = (): void => {
            if (name === 'seek') transit.seeks += 1;
            (act as Act).apply(target, args);
          };
          kernel.at(this.#arrival(`${channel} there`), arrive, WORLD);
        };
      },
    });
  }

  /** Ends reading, which no fault can prevent: what is on its way arrives first, then nothing more. */
  #close(close: () => Promise<void>, transit: Transit): Promise<void> {
    const { kernel, loop } = this.#needs;
    return new Promise((resolve) => {
      const closed = (): void => {
        this.#open.delete(transit);
        for (const arrive of transit.frames) kernel.after(0, arrive, loop);
        kernel.after(0, resolve, loop);
      };
      kernel.after(0, () => void close().then(closed), WORLD);
    });
  }

  /** @param lost what was told is about a member that this node is no more. */
  #tell(channel: string, arrive: () => void, lost: () => unknown = () => undefined): void {
    const { kernel, loop } = this.#needs;
    const epoch = this.#epoch;
    const later = (): void =>
      kernel.at(
        this.#arrival(channel),
        () => {
          if (this.#epoch !== epoch) lost();
          else if (this.#cut) this.#onMend.add(later);
          else arrive();
        },
        loop,
      );
    if (this.#cut) this.#onMend.add(later);
    else later();
  }

  #call(port: string, name: string, act: () => unknown, args: readonly unknown[], transit?: Transit): Promise<unknown> {
    const { kernel, loop, chance } = this.#needs;
    const epoch = this.#epoch;
    const cuts = this.#cuts;
    return new Promise((resolve, reject) => {
      const fail = (ms: number, outcome: 'unknown' | 'not-executed', why: string): void =>
        void kernel.after(ms, () => reject(new TransportError(`${port}.${name}: ${why}`, { outcome })), loop);
      if (this.#cut) return fail(chance.between(0, NOTICE_MS), 'not-executed', 'the backend is away');
      const back = (settle: () => void): void => {
        // Which member it is now, the node learns before anything else happens to it.
        if (name === 'join') return kernel.next(settle, loop);
        kernel.at(
          this.#arrival(`${port} back`),
          () => {
            if (this.#cuts === cuts) settle();
            else reject(new TransportError(`${port}.${name}: the connection broke`, { outcome: 'unknown' }));
          },
          loop,
        );
      };
      const arrive = (): void => {
        if (this.#cuts !== cuts) return fail(chance.between(0, NOTICE_MS), 'unknown', 'the connection broke');
        if (this.#epoch !== epoch) return fail(0, 'not-executed', 'sent by a member that this node is no more');
        const lost = !this.#lossless && REPEATED.has(name) && chance.happens(this.#needs.loss);
        // As if a node had died between its joining and its knowing: it never was.
        if (name === 'join') {
          if (loop.dead) return;
          this.#epoch += 1;
        }
        Promise.resolve(act()).then(
          (result) => {
            this.#needs.seen(port, name, args, result);
            const given =
              transit !== undefined && hasFunctions(result) ? this.#handle(`${port} ${name}`, result, transit) : result;
            if (transit !== undefined && hasFunctions(result) && typeof result['wake'] === 'function') {
              transit.wake = () => void (result['wake'] as Act).call(result);
              this.#open.add(transit);
            }
            if (lost) fail(chance.between(0, NOTICE_MS), 'unknown', 'the answer was lost');
            else back(() => resolve(given));
          },
          (error: Error) => back(() => reject(error)),
        );
      };
      kernel.at(this.#arrival(`${port} there`), arrive, WORLD);
    });
  }

  #ready(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (!this.#cut) return Promise.resolve();
    const { kernel, loop } = this.#needs;
    return new Promise((resolve, reject) => {
      this.#onMend.add(() => kernel.after(0, resolve, loop));
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** When what is sent now arrives: never before what was sent before it. */
  #arrival(channel: string): number {
    const { kernel, chance, slowMs } = this.#needs;
    const luck = chance.next();
    let ms = 0;
    if (luck > 0.97) ms = chance.next() * 20 * slowMs;
    else if (luck > 0.4) ms = chance.next() * slowMs;
    const at = Math.max(kernel.elapsed + ms, this.#lastAt.get(channel) ?? 0);
    this.#lastAt.set(channel, at);
    return at;
  }
}

function hasFunctions(value: unknown): value is Parts {
  if (typeof value !== 'object' || value === null || value instanceof AbortSignal) return false;
  if (value instanceof Uint8Array || Array.isArray(value) || value instanceof Map) return false;
  for (const member of Object.values(value)) if (typeof member === 'function') return true;
  return ['take', 'report', 'close'].some((name) => typeof (value as Parts)[name] === 'function');
}
