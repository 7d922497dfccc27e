import { customAlphabet } from 'nanoid';
import { pino } from 'pino';
import type { BeatOptions } from '../../ports/broker.ts';
import type { BackendFeatures, ContractMake, ContractWorld } from '../backend-contract.ts';
import { fewAtOnce } from './few-at-once.ts';
import { Peer } from './peer.ts';
import { SHORT_BEAT } from './times.ts';
import type { ContractTest, Trial } from './trial.ts';

const fresh: (size?: number) => string = customAlphabet('abcdefghijklmnopqrstuvwxyz0123456789', 10);

/** Longest time one test may go without an assertion, ms: several conditions may use their deadline up. */
const TEST_MS = 30_000;

/** A backend with nothing in it, and the nodes that one test puts on it. */
export class Stage {
  readonly world: ContractWorld;
  readonly #namespace: string;
  readonly #peers: Peer[] = [];

  constructor(world: ContractWorld, namespace: string) {
    this.world = world;
    this.#namespace = namespace;
  }

  /** A node that has joined. */
  async peer(name: string, beat: BeatOptions = SHORT_BEAT): Promise<Peer> {
    const peer = await this.stranger(name, beat);
    await peer.join();
    return peer;
  }

  /** A node that is linked and no member. */
  async stranger(name: string, beat: BeatOptions = SHORT_BEAT): Promise<Peer> {
    const log = pino({ level: 'silent' });
    const link = await this.world.backend.connect({ name, namespace: this.#namespace, beat, log });
    const peer = new Peer(name, link);
    this.#peers.push(peer);
    return peer;
  }

  async close(): Promise<void> {
    for (const { link } of this.#peers) {
      // Many have left, died or been evicted by now, on purpose.
      await link.membership.leave().catch(() => undefined);
      await link.close();
    }
    await this.world.cleanup();
  }
}

/** Registers one promise. `needs` names the feature without which it cannot be checked. */
export type Promised = (
  title: string,
  check: (t: Trial, stage: Stage) => Promise<void>,
  needs?: keyof BackendFeatures,
) => void;

/** Gives each test its own namespace, and takes everything away after it. */
export function promises(test: ContractTest, name: string, make: ContractMake, features: BackendFeatures): Promised {
  const beside = fewAtOnce(test);
  return (title, check, needs) => {
    // Who ends the backend does not do so under others.
    const alone = needs !== undefined && features[needs] ? test.serial : test.skip;
    const register = needs === undefined ? beside : alone;
    register(`${name}: ${title}`, async (t) => {
      t.timeout(TEST_MS);
      const namespace = `contract-${fresh()}`;
      const stage = new Stage(await make(namespace), namespace);
      t.teardown(() => stage.close());
      await check(t, stage);
    });
  };
}
