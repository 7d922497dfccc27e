import { wakefulTimers } from '../../ground/clock.ts';
import { NodeClosed } from '../../ground/errors.ts';
import { within } from '../../ground/pause.ts';
import type { Served } from './served.ts';

/** Time to hand partitions over once nothing of them runs any more, ms. */
const HAND_OVER_MS = 5_000;

/** Claims nothing more for one actor and hands back what has not started; what runs has `drainMs` to finish. */
export async function drain({ actor, dispatcher, keyed }: Served, drainMs: number): Promise<void> {
  await dispatcher.stop();
  const drained = [dispatcher.drained(), ...(keyed === undefined ? [] : [keyed.retire()])];
  await within(wakefulTimers, drainMs, Promise.all(drained));
  dispatcher.giveUp(new NodeClosed(actor.contract.mailbox, 'unknown'));
  if (keyed !== undefined) await within(wakefulTimers, HAND_OVER_MS, keyed.retire());
}
