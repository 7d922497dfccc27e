/** A backend as one node sees it through the air. Nothing here knows what a port is for: new ones are carried as well. */
import type { Backend, Link } from '../../src/backend.ts';
import type { Timers } from '../../src/ground/clock.ts';
import type { Claim } from '../../src/ports/broker.ts';
import type { Air } from './air.ts';
import { WORLD, type Kernel, type Owner } from './kernel.ts';
import type { Witness } from './witness.ts';

export interface WireNeeds {
  readonly kernel: Kernel;
  readonly air: Air;
  /** Whose tasks the node's are. */
  readonly loop: Owner;
  /** What the node waits by. */
  readonly timers: Timers;
  readonly witness: Witness;
}

type Act = (...args: unknown[]) => unknown;
type Parts = Readonly<Record<string, unknown>>;

/** What a backend asks of a node and waits for: answered at once. Everything else it tells is on its way for a while. */
const ASKED: ReadonlySet<string> = new Set(['report', 'vitals']);

/** What is on its way to one intake: as long as there is anything, it has no room. */
interface Transit {
  readonly frames: Set<() => void>;
  wake: () => void;
  /** How often the node has sent the reader elsewhere, and how often that has arrived: what was read before is not wanted. */
  sought: number;
  seeks: number;
}

export function wired(backend: Backend, needs: WireNeeds): Backend {
  const wire = new Wire(needs);
  return {
    name: backend.name,
    connect: async (identity) =>
      wire.link((await needs.air.call('backend', 'connect', () => backend.connect(identity))) as Link),
  };
}

class Wire {
  readonly #needs: WireNeeds;

  constructor(needs: WireNeeds) {
    this.#needs = needs;
  }

  link(link: Link): Link {
    const { air, kernel, timers } = this.#needs;
    const ports = new Map<string, object>();
    const own: Partial<Link> = {
      timers,
      now: () => link.now(),
      ready: (signal) => air.clear(signal),
      health: async () => ({ connected: !air.broken, connections: air.broken ? 0 : 1 }),
      ping: () => air.call('link', 'ping', () => link.ping()) as Promise<number>,
      close: () => kernel.as(WORLD, () => link.close()),
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
    const { air, witness } = this.#needs;
    return wrapped(inner, (name, act) => (...args) => {
      const transit: Transit = { frames: new Set(), wake: () => undefined, sought: 0, seeks: 0 };
      const given = args.map((arg) => (hasFunctions(arg) ? this.#told(`${port} ${name}`, arg, transit) : arg));
      return air.call(port, name, async () => {
        const result = await act(...given);
        witness.called(`${port}.${name}`, args, result);
        return hasFunctions(result) ? this.#reader(`${port} ${name}`, result, transit) : result;
      });
    });
  }

  /** What a node gave to be told or asked by, as the backend sees it. */
  #told(channel: string, inner: object, transit: Transit): object {
    const { kernel, loop, air } = this.#needs;
    return wrapped(inner, (name, act) => {
      if (name === 'room')
        return () => (air.broken || loop.dead || transit.frames.size > 0 ? 0 : kernel.as(loop, () => act()));
      if (ASKED.has(name)) return (...args) => kernel.as(loop, () => act(...args));
      if (name === 'take') return (claims) => this.#take(channel, claims as readonly Claim[], act, transit);
      return (...args) => air.tell(channel, () => void act(...args));
    });
  }

  #take(channel: string, claims: readonly Claim[], take: Act, transit: Transit): void {
    const { kernel, air, witness } = this.#needs;
    witness.dealt(claims);
    const { seeks } = transit;
    const land = (): boolean => {
      // Whoever asked meanwhile has been told that there is no room.
      kernel.after(0, transit.wake, WORLD);
      return transit.frames.delete(arrive);
    };
    const arrive = (): void => {
      if (land() && seeks === transit.sought) take(claims);
    };
    transit.frames.add(arrive);
    air.tell(channel, arrive, () => void land());
  }

  /** A reader in the node's hands: what it is told is on its way for a while, like any call. */
  #reader(channel: string, inner: Parts, transit: Transit): object {
    const { kernel, air } = this.#needs;
    transit.wake = () => void (inner['wake'] as Act | undefined)?.call(inner);
    const wake = (): void => void kernel.after(0, transit.wake, WORLD);
    // Whoever was asked for room while it was broken had none.
    air.onMend.add(wake);
    return wrapped(inner, (name, act) => {
      if (name === 'close') {
        return () => {
          air.onMend.delete(wake);
          return this.#close(act as () => Promise<void>, transit);
        };
      }
      return (...args) => {
        if (name === 'seek') transit.sought += 1;
        const arrive = (): void => {
          if (name === 'seek') transit.seeks += 1;
          act(...args);
        };
        kernel.at(air.arrival(`${channel} there`), arrive, WORLD);
      };
    });
  }

  /** Ends reading, which no fault can prevent: what is on its way arrives first, then nothing more. */
  #close(close: () => Promise<void>, transit: Transit): Promise<void> {
    const { kernel, loop } = this.#needs;
    return new Promise((resolve) => {
      const closed = (): void => {
        for (const arrive of transit.frames) kernel.after(0, arrive, loop);
        kernel.after(0, resolve, loop);
      };
      kernel.after(0, () => void close().then(closed), WORLD);
    });
  }
}

/** An object whose methods are others. */
function wrapped(inner: object, wrap: (name: string, act: Act) => Act): object {
  return new Proxy(inner, {
    get: (target, name: string) => {
      const act = (target as Parts)[name];
      return typeof act === 'function' ? wrap(name, (...args) => (act as Act).apply(target, args)) : act;
    },
  });
}

/** Whether it is made to be called: a presence, an intake, a reader; not plain data. */
function hasFunctions(value: unknown): value is Parts {
  if (typeof value !== 'object' || value === null || value instanceof AbortSignal) return false;
  if (value instanceof Uint8Array || Array.isArray(value) || value instanceof Map) return false;
  for (const member of Object.values(value)) if (typeof member === 'function') return true;
  return ['take', 'report', 'close'].some((name) => typeof (value as Parts)[name] === 'function');
}
