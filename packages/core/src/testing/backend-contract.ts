/**
 * What every backend promises, as tests. It uses nothing but the ports, waits for conditions and never for a time, and
 * gives each test its own namespace.
 */
import type { Backend } from '../backend.ts';
import { alerts } from './contract/alerts.ts';
import { appending } from './contract/appending.ts';
import { breakers } from './contract/breakers.ts';
import { caching } from './contract/caching.ts';
import { claiming } from './contract/claiming.ts';
import { deadLetters } from './contract/dead-letters.ts';
import { dying } from './contract/dying.ts';
import { features as featureTests } from './contract/features.ts';
import { limits } from './contract/limits.ts';
import { membership } from './contract/membership.ts';
import { news } from './contract/news.ts';
import { once } from './contract/once.ts';
import { partitionCommitting } from './contract/partition-committing.ts';
import { partitionEnding } from './contract/partition-ending.ts';
import { partitionOwning } from './contract/partition-owning.ts';
import { partitionReading } from './contract/partition-reading.ts';
import { partitionSplitting } from './contract/partition-splitting.ts';
import { permits } from './contract/permits.ts';
import { ratesAndPlaces } from './contract/rates-and-places.ts';
import { records } from './contract/records.ts';
import { settling } from './contract/settling.ts';
import { splitting } from './contract/splitting.ts';
import { state } from './contract/state.ts';
import { promises } from './contract/stage.ts';
import { targeting } from './contract/targeting.ts';
import { topics } from './contract/topics.ts';
import type { ContractTest } from './contract/trial.ts';

/** What a backend may lack. A flag that is false shows its tests as skipped. */
export interface BackendFeatures {
  /** What was accepted is there again after the backend itself was ended and started; `restart()` does that. */
  readonly survivesRestart: boolean;
  /** Backend time can be turned by hand; `advance()` does that. */
  readonly virtualTime: boolean;
}

/** A backend for one test. */
export interface ContractWorld {
  readonly backend: Backend;
  /** Ends the backend and starts it again; for `survivesRestart`. Resolves when it can be reached. */
  restart?(): Promise<void>;
  /** Turns backend time forward; for `virtualTime`. */
  advance?(ms: number): Promise<void>;
  /** Takes away what the test left in the namespace. Every link is closed by then. */
  cleanup(): Promise<void>;
}

/** Makes a backend in which `namespace` is empty. */
export type ContractMake = (namespace: string) => Promise<ContractWorld>;

export interface BackendContract {
  /** Stands before every title. */
  readonly name: string;
  readonly make: ContractMake;
  readonly features: BackendFeatures;
}

/** Registers the contract with AVA's `test` (or anything of its shape). */
export function backendContract(test: ContractTest, { name, make, features }: BackendContract): void {
  const promised = promises(test, name, make, features);
  appending(promised);
  limits(promised);
  claiming(promised);
  settling(promised);
  splitting(promised);
  deadLetters(promised);
  dying(promised);
  targeting(promised);
  membership(promised);
  news(promised);
  records(promised);
  breakers(promised);
  caching(promised);
  permits(promised);
  ratesAndPlaces(promised);
  state(promised);
  once(promised);
  topics(promised);
  alerts(promised);
  partitionOwning(promised);
  partitionReading(promised);
  partitionEnding(promised);
  partitionCommitting(promised);
  partitionSplitting(promised);
  featureTests(promised);
}
