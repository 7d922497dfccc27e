import { pino } from 'pino';
import type { Actor } from '../../contract/actor.ts';
import type { Backend, Link, Presence } from '../../backend.ts';
import type { MethodSpecs, StateSchema } from '../../contract/contract.ts';
import { HomeostatError } from '../../ground/errors.ts';
import { createNode } from '../../node/create-node.ts';
import type { ActorNode, NodeOptions } from '../../node/node.ts';
import { nodeSettingsSchema } from '../../node/options.ts';
import { fewAtOnce } from '../contract/few-at-once.ts';
import type { ContractTest, Trial } from '../contract/trial.ts';
import type { NodeContract, NodeWorld } from '../node-contract.ts';
import { waitFor } from '../wait-for.ts';

/** How long a condition may take on a real server and a busy machine, ms. */
export const DEADLINE_MS = 10_000;
/** Longest time one test may go without an assertion, ms: several conditions may use their deadline up. */
const TEST_MS = 45_000;
/** Patient enough that a machine under load evicts nobody by chance. */
const BEAT = { intervalMs: 200, ttlMs: 5_000 };
/** So slow that what is known sooner did not come with a beat. */
export const SLOW_BEAT = { intervalMs: 2_000, ttlMs: 20_000 } as const;
/** Of the nodes of a test in which one dies. */
export const QUICK_BEAT = { intervalMs: 100, ttlMs: 800 } as const;
/** What a hold without a node says of itself: it serves nothing. */
const HAND: Presence = {
  report: () => ({ name: 'hand', pid: 1, host: 'nowhere', startedAt: 1, status: 'healthy', serves: {} }),
  vitals: () => ({ inFlight: 0, load: 0, loopDelayMs: 0, memoryMb: 0, actors: {}, serviceMs: {}, checks: {} }),
};
const SILENT = pino({ level: 'silent' });

/** The nodes of one test. */
export class NodeStage {
  readonly #world: NodeWorld;
  readonly #nodes: ActorNode[] = [];
  readonly #links: Link[] = [];

  constructor(world: NodeWorld) {
    this.#world = world;
  }

  /** One more hold on where the nodes of this test meet. */
  backend(): Backend {
    return this.#world.backend();
  }

  /** A node that has joined. */
  async node(name: string, settings: NodeOptions = {}): Promise<ActorNode> {
    const node = await createNode({
      name,
      namespace: this.#world.namespace,
      backend: this.#world.backend(),
      signals: false,
      log: SILENT,
      beat: BEAT,
      ...settings,
    });
    this.#nodes.push(node);
    return node;
  }

  /** A node that serves the actor. */
  async serving<Methods extends MethodSpecs, State extends StateSchema>(
    actor: Actor<Methods, State>,
    name = 'server',
    settings: NodeOptions = {},
  ): Promise<ActorNode> {
    const node = await this.node(name, settings);
    await node.serve(actor);
    return node;
  }

  /**
   * A node and how to end it as a power cut does: without a word to anybody.
   * @param hold what it has of the backend instead of a plain link.
   */
  async mortal(
    name: string,
    settings: NodeOptions = {},
    hold: (link: Link) => Link = (plain) => plain,
  ): Promise<{ node: ActorNode; die(): Promise<void> }> {
    let link: Link | undefined;
    const inner = this.#world.backend();
    const backend: Backend = {
      name: inner.name,
      connect: async (identity) => hold((link = await inner.connect(identity))),
    };
    const node = await this.node(name, { beat: QUICK_BEAT, ...settings, backend });
    const die = async (): Promise<void> => {
      this.#nodes.splice(this.#nodes.indexOf(node), 1);
      await link?.close();
      // What it does from now on reaches nobody; it has much to try before it gives up.
      void node.close({ drainMs: 0 });
    };
    return { node, die };
  }

  /** A hold on the backend without a node, for writing there by hand: a member that says what it is told to, of itself too. */
  async link(presence: Partial<Presence> = {}): Promise<Link> {
    const { namespace, beat } = nodeSettingsSchema.parse({ namespace: this.#world.namespace });
    const link = await this.#world.backend().connect({ name: 'hand', namespace, beat, log: SILENT });
    this.#links.push(link);
    await link.membership.join(
      { ...HAND, ...presence },
      {
        evicted: () => undefined,
        inbox: () => undefined,
        news: () => undefined,
        alerts: () => undefined,
        beaten: () => undefined,
      },
    );
    return link;
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) await node.close({ drainMs: 100 });
    for (const link of this.#links) {
      await link.membership.leave();
      await link.close();
    }
    await this.#world.cleanup();
  }
}

/** Registers one promise. `alone`: what it sees depends on how long things take, and others beside it would take time. */
export type Promised = (title: string, check: (t: Trial, stage: NodeStage) => Promise<void>, company?: 'alone') => void;

/** Gives each test its own world, and takes everything away after it. */
export function nodePromises(test: ContractTest, name: string, make: NodeContract['make']): Promised {
  const beside = fewAtOnce(test);
  return (title, check, company) => {
    const register = company === 'alone' ? test.serial : beside;
    register(`${name}: ${title}`, async (t) => {
      t.timeout(TEST_MS);
      const stage = new NodeStage(await make());
      t.teardown(() => stage.close());
      await check(t, stage);
    });
  };
}

/** Resolves once the condition holds. */
export function until(what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> {
  return waitFor(condition, { withinMs: DEADLINE_MS, what });
}

/** What the promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<HomeostatError> {
  const thrown: unknown = await promise.then(
    (value: unknown) => new Error(`it should have been rejected; it was resolved with ${String(value)}`),
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof HomeostatError)) throw thrown;
  return thrown;
}

/** What was thrown, at once or later. */
export function refusal(act: () => unknown): Promise<HomeostatError> {
  return rejection(Promise.resolve().then(act));
}

export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

/** Something to wait at until the test opens it. */
export function gate(): Gate {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** 0, 1, 2 … */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
