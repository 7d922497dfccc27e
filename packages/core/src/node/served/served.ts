import type { Actor } from '../../contract/actor.ts';
import type { KeyedServing } from '../../keyed/keyed-serving.ts';
import type { DeadBound } from '../../serving/dead-bound.ts';
import type { Dispatcher } from '../../serving/dispatcher.ts';
import type { LimitsGate } from '../../serving/gates/limits.ts';
import type { Pool } from '../../serving/pool.ts';
import type { Serving } from '../../serving/serve.ts';

/** An actor that this node serves. */
export interface Served {
  readonly actor: Actor;
  readonly pool: Pool;
  readonly dispatcher: Dispatcher;
  readonly limits: LimitsGate;
  /** Where not all dead letters are kept. */
  readonly deadBound: DeadBound | undefined;
  /** Of a keyed actor. */
  readonly keyed: KeyedServing | undefined;
  readonly serving: Serving;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Of its own; live settings may say otherwise. */
  readonly ownWeight: number;
  weight: number;
  /** Who keeps it from taking part, and why. */
  readonly out: Map<string, string>;
  /** What senders were told last. */
  hints: string;
  /** Resolves when it is served no more; undefined as long as nobody wants that. */
  leaving: Promise<void> | undefined;
}
