import type { BackendHealth, Link } from '../../backend.ts';
import type { NodeIdentity } from '../../broker.ts';
import { MemoryBroker } from './broker.ts';
import { Hold } from './hold.ts';
import { MemoryMembership } from './membership.ts';
import type { World } from './world.ts';

/** One node's hold on a world. */
export class MemoryLink implements Link {
  readonly broker: MemoryBroker;
  readonly membership: MemoryMembership;
  readonly #hold: Hold;

  constructor(world: World, identity: NodeIdentity) {
    this.#hold = new Hold(world, identity);
    this.broker = new MemoryBroker(this.#hold);
    this.membership = new MemoryMembership(this.#hold);
    world.linkOpened();
  }

  now(): number {
    return this.#hold.world.timers.clock.now();
  }

  health(): Promise<BackendHealth> {
    const connected = !this.#hold.closed;
    return Promise.resolve(connected ? { connected, pingMs: 0, connections: 0 } : { connected, connections: 0 });
  }

  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#hold.use(() => undefined);
  }

  async close(): Promise<void> {
    if (this.#hold.closed) return;
    this.#hold.closed = true;
    this.membership.stopBeating();
    this.#hold.member?.inbox.close();
    await this.broker.closeReaders();
    this.#hold.world.linkClosed();
  }
}
