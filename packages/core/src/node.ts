/** A node: one process running the runtime. It hosts actors, calls others, and beats. */
import { isActor, type Actor } from './actor.ts';
import { memory } from './backends/memory.ts';
import type { Backend, BackendHealth, Link } from './backend.ts';
import { attempt, createClient, type Client, type ClientOptions, type Result } from './client.ts';
import type { Contract, MethodSpecs } from './contract.ts';
import { DeadLetters } from './dead-letters.ts';
import { ConfigError, messageOf } from './errors.ts';
import { defaultLog, type Log } from './log.ts';
import type { MailboxDepth } from './broker.ts';
import { nodeSettingsSchema, parseOptions, type NodeSettings } from './options.ts';
import { Runtime } from './runtime.ts';
import { serveOptions, type ServeOptions } from './serve.ts';
import { ownSignals } from './signals.ts';
import type { Stats } from './stats.ts';

export interface NodeOptions extends NodeSettings {
  /** What carries the messages. Default: `memory()`, for one process. */
  readonly backend?: Backend | undefined;
  /** A pino logger, or one of its shape. Default: pino on stderr at `LOG_LEVEL` (warn). */
  readonly log?: Log | undefined;
}

export interface NodeStats extends Readonly<Stats> {
  /** Handlers that run now. */
  readonly inFlight: number;
  /** Calls of this node that wait for their answers. */
  readonly pendingCalls: number;
  /** Answers that came after their call had ended. */
  readonly lateReplies: number;
  /** Endings that the backend refused because the entry was no longer ours. */
  readonly lostSettlements: number;
}

export interface NodeHealth {
  readonly backend: BackendHealth & { readonly name: string };
  /** False from an eviction until the node has joined again. */
  readonly member: boolean;
}

/** What a batch makes of its parts: a result under each name. */
export type BatchResults<Parts> = { readonly [Name in keyof Parts]: Result<PartValue<Parts[Name]>> };
type PartValue<Part> = Part extends () => infer Made ? Awaited<Made> : Awaited<Part>;

export interface ActorNode extends AsyncDisposable {
  /** Id as a member; another one after the node has rejoined. */
  readonly id: string;
  readonly name: string;
  /**
   * Serves an actor, or the actor that a module exports as default. Resolves when its mailbox exists, is being read, and
   * others see it. A module is needed for `pool: 'threads'`, and is then loaded in every thread.
   * @throws ConfigError when it is no actor, is served already, or an option is wrong.
   */
  serve<Methods extends MethodSpecs>(actor: Actor<Methods> | URL, options?: ServeOptions): Promise<void>;
  /** A typed client of a contract. Cheap; keeps no connection of its own. */
  client<Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions): Client<Methods>;
  /** Runs several requests at once: a record of promises, or of functions that make them. Never rejects. */
  batch<Parts extends Readonly<Record<string, Promise<unknown> | (() => Promise<unknown>)>>>(
    parts: Parts,
  ): Promise<BatchResults<Parts>>;
  deadLetters(contract: Contract): DeadLetters;
  /** How much waits in the mailbox of a contract. */
  depth(contract: Contract): Promise<MailboxDepth>;
  stats(): NodeStats;
  health(): Promise<NodeHealth>;
  /** Backend time, ms since the epoch: the clock of every deadline. */
  now(): number;
  /** Stops claiming, lets what runs finish, hands back the rest, leaves. Safe to call twice. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

/**
 * Starts a node: resolves when it is a member, its inbox is open and it beats.
 * @throws ConfigError naming a wrong option; TransportError when the backend cannot be reached.
 */
export async function createNode(options: NodeOptions = {}): Promise<ActorNode> {
  const { backend = memory(), log = defaultLog(), ...settings } = options;
  const policy = parseOptions(nodeSettingsSchema, settings, 'createNode');
  const link = await backend.connect({ name: policy.name, namespace: policy.namespace, beat: policy.beat, log });
  const runtime = new Runtime(link, policy, log);
  try {
    await runtime.join();
  } catch (thrown) {
    await link.close();
    throw thrown;
  }
  return new Node(runtime, link, backend, policy.signals);
}

class Node implements ActorNode {
  readonly name: string;
  readonly #runtime: Runtime;
  readonly #link: Link;
  readonly #backend: Backend;
  readonly #disownSignals: () => void;
  #closing: Promise<void> | undefined;

  constructor(runtime: Runtime, link: Link, backend: Backend, signals: boolean) {
    this.name = runtime.policy.name;
    this.#runtime = runtime;
    this.#link = link;
    this.#backend = backend;
    this.#disownSignals = signals ? ownSignals(this) : () => {};
  }

  get id(): string {
    return this.#runtime.id;
  }

  async serve<Methods extends MethodSpecs>(actor: Actor<Methods> | URL, options: ServeOptions = {}): Promise<void> {
    const parsed = serveOptions(options, actor);
    const served = actor instanceof URL ? await load(actor) : (actor as unknown as Actor);
    await this.#runtime.serve(served, parsed);
  }

  client<Methods extends MethodSpecs>(contract: Contract<Methods>, options?: ClientOptions): Client<Methods> {
    return createClient(this.#runtime.sending, contract, options);
  }

  async batch<Parts extends Readonly<Record<string, Promise<unknown> | (() => Promise<unknown>)>>>(
    parts: Parts,
  ): Promise<BatchResults<Parts>> {
    const named = Object.entries(parts).map(async ([name, part]) => [name, await attempt(started(part))] as const);
    return Object.fromEntries(await Promise.all(named)) as BatchResults<Parts>;
  }

  deadLetters(contract: Contract): DeadLetters {
    return new DeadLetters(this.#link.broker, contract.mailbox, this.#runtime.policy.maxBodyBytes);
  }

  depth(contract: Contract): Promise<MailboxDepth> {
    return this.#link.broker.depth(contract.mailbox);
  }

  stats(): NodeStats {
    return this.#runtime.stats();
  }

  async health(): Promise<NodeHealth> {
    return { backend: { name: this.#backend.name, ...(await this.#link.health()) }, member: this.#runtime.member };
  }

  now(): number {
    return this.#link.now();
  }

  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    this.#disownSignals();
    this.#closing ??= this.#runtime.close(options.drainMs ?? this.#runtime.policy.drainMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function started(part: Promise<unknown> | (() => Promise<unknown>)): Promise<unknown> {
  return typeof part === 'function' ? Promise.resolve().then(part) : part;
}

async function load(module: URL): Promise<Actor> {
  let exported: { default?: unknown };
  try {
    exported = (await import(module.href)) as { default?: unknown };
  } catch (thrown) {
    throw new ConfigError(`serve: ${module.href} cannot be loaded: ${messageOf(thrown)}`, thrown);
  }
  if (!isActor(exported.default))
    throw new ConfigError(`serve: the default export of ${module.href} must be what actor(contract, handlers) returns`);
  return exported.default;
}
