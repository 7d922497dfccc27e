import { loop } from '../../ground/loop.ts';
import type { Scaler } from '../../scaling/scaler.ts';
import type { Standing } from '../standing.ts';
import type { Announcing } from './announcing.ts';
import type { Joining } from './joining.ts';
import type { Rounds } from './rounds.ts';

export interface OpeningNeeds {
  readonly standing: Standing;
  readonly joining: Joining;
  readonly rounds: Rounds;
  readonly scaler: Scaler;
  readonly announcing: Announcing;
}

/** Joins, and begins what goes on until the node closes. @throws TransportError */
export async function open({ standing, joining, rounds, scaler, announcing }: OpeningNeeds): Promise<void> {
  await joining.join();
  standing.stage = undefined;
  void loop(standing.closing, () => rounds.go());
  void loop(standing.closing, () => scaler.step());
  announcing.soon();
}
