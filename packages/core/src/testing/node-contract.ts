/**
 * What nodes promise on any backend, as tests: calls, casts, deadlines, redelivery, bounds, the drain. It uses nothing
 * but the public face of core, waits for conditions and never for a time, and gives each test its own world.
 */
import type { Backend } from '../backend.ts';
import { aborting } from './node-contract/aborting.ts';
import { ailing } from './node-contract/ailing.ts';
import { alerting } from './node-contract/alerting.ts';
import { atMostOnce } from './node-contract/at-most-once.ts';
import { balancing } from './node-contract/balancing.ts';
import { bounds } from './node-contract/bounds.ts';
import { breaking } from './node-contract/breaking.ts';
import { calling } from './node-contract/calling.ts';
import { caching } from './node-contract/caching.ts';
import { cancelling } from './node-contract/cancelling.ts';
import { casting } from './node-contract/casting.ts';
import { checking } from './node-contract/checking.ts';
import { claimingBodies } from './node-contract/claiming-bodies.ts';
import { closing } from './node-contract/closing.ts';
import { configuring } from './node-contract/configuring.ts';
import { deadLetters } from './node-contract/dead-letters.ts';
import { discovering } from './node-contract/discovering.ts';
import { evicting } from './node-contract/evicting.ts';
import { failing } from './node-contract/failing.ts';
import { keyedMoving } from './node-contract/keyed-moving.ts';
import { keyedOnce } from './node-contract/keyed-once.ts';
import { keyedReading } from './node-contract/keyed-reading.ts';
import { keyedRunningOn } from './node-contract/keyed-running-on.ts';
import { keyedState } from './node-contract/keyed-state.ts';
import { keying } from './node-contract/keying.ts';
import { knowing } from './node-contract/knowing.ts';
import { limiting } from './node-contract/limiting.ts';
import { local } from './node-contract/local.ts';
import { naming } from './node-contract/naming.ts';
import { once } from './node-contract/once.ts';
import { options } from './node-contract/options.ts';
import { prioritizing } from './node-contract/prioritizing.ts';
import { retrying } from './node-contract/retrying.ts';
import { nodePromises } from './node-contract/stage.ts';
import { keeping } from './node-contract/keeping.ts';
import { routing } from './node-contract/routing.ts';
import { scheduling } from './node-contract/scheduling.ts';
import { sendingTo } from './node-contract/sending-to.ts';
import { sharing } from './node-contract/sharing.ts';
import { streamDeaths } from './node-contract/stream-deaths.ts';
import { streaming } from './node-contract/streaming.ts';
import { surrounding } from './node-contract/surrounding.ts';
import { takingTurns } from './node-contract/taking-turns.ts';
import { throwing } from './node-contract/throwing.ts';
import { timing } from './node-contract/timing.ts';
import { topics } from './node-contract/topics.ts';
import { unserving } from './node-contract/unserving.ts';
import { values } from './node-contract/values.ts';
import { versions } from './node-contract/versions.ts';
import type { ContractTest } from './contract/trial.ts';

/** Where the nodes of one test meet. */
export interface NodeWorld {
  /** A backend for one more node; all of them lead to the same place. */
  backend(): Backend;
  /** Empty at first. */
  readonly namespace: string;
  /** Takes away what the test left in the namespace. Every node is closed by then. */
  cleanup(): Promise<void>;
}

export interface NodeContract {
  /** Stands before every title. */
  readonly name: string;
  readonly make: () => Promise<NodeWorld> | NodeWorld;
}

/** Registers the contract with AVA's `test` (or anything of its shape). */
export function nodeContract(test: ContractTest, { name, make }: NodeContract): void {
  const promised = nodePromises(test, name, make);
  calling(promised);
  naming(promised);
  checking(promised);
  values(promised);
  throwing(promised);
  routing(promised);
  timing(promised);
  aborting(promised);
  cancelling(promised);
  streaming(promised);
  streamDeaths(promised);
  casting(promised);
  deadLetters(promised);
  bounds(promised);
  sharing(promised);
  claimingBodies(promised);
  closing(promised);
  unserving(promised);
  evicting(promised);
  keying(promised);
  keyedState(promised);
  keyedMoving(promised);
  keyedOnce(promised);
  keyedRunningOn(promised);
  keyedReading(promised);
  knowing(promised);
  discovering(promised);
  sendingTo(promised);
  balancing(promised);
  breaking(promised);
  retrying(promised);
  failing(promised);
  caching(promised);
  keeping(promised);
  configuring(promised);
  surrounding(promised);
  ailing(promised);
  versions(promised);
  local(promised);
  once(promised);
  atMostOnce(promised);
  options(promised);
  topics(promised);
  alerting(promised);
  scheduling(promised);
  prioritizing(promised);
  takingTurns(promised);
  limiting(promised);
}
