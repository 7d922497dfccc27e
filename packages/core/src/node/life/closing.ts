/**
 * The drain, in this order: tell the others, claim nothing more, hand back what has not started; let what runs finish
 * while the beat goes on, so that nobody takes it over; let the last answers and settlements leave; say goodbye.
 */
import type { Sources } from '../../alerts/sources/sources.ts';
import type { Link } from '../../backend.ts';
import { wakefulTimers } from '../../ground/clock.ts';
import type { Deadlines } from '../../ground/deadlines.ts';
import { messageOf, NodeClosed } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import { sleep } from '../../ground/loop.ts';
import { within } from '../../ground/pause.ts';
import type { Health } from '../../health/health.ts';
import type { ScheduledFunctions } from '../../schedules/functions.ts';
import type { Replies } from '../../sending/replies.ts';
import type { Sending } from '../../sending/sending.ts';
import type { TopicRoom } from '../../topics/topic-room.ts';
import type { Correspondence } from '../parts/correspondence.ts';
import type { Settling } from '../parts/settling.ts';
import type { SharedState } from '../parts/shared-state.ts';
import type { Served } from '../served/served.ts';
import type { ServedActors } from '../served/served-actors.ts';
import type { Standing } from '../standing.ts';
import type { Announcing } from './announcing.ts';
import { REJOIN_MAX_MS } from './joining.ts';

export interface ClosingNeeds {
  readonly link: Link;
  readonly log: Log;
  readonly standing: Standing;
  readonly announcing: Announcing;
  readonly deadlines: Deadlines;
  readonly replies: Replies;
  readonly sending: Sending;
  readonly settling: Settling;
  readonly shared: SharedState;
  readonly correspondence: Correspondence;
  readonly actors: ServedActors;
  readonly functions: ScheduledFunctions;
  readonly topics: TopicRoom;
  readonly health: Health;
  readonly sources: Sources;
}

/** Time for the last answers and settlements to leave once nothing runs any more, ms. */
const FLUSH_MS = 5_000;

export async function close(parts: ClosingNeeds, drainMs: number): Promise<void> {
  const functions = beginNothingMore(parts);
  const served = parts.actors.all;
  await finish(parts, served, functions, drainMs);
  await within(wakefulTimers, FLUSH_MS, flushed(parts));
  await release(parts, served);
  await leave(parts);
}

/** Resolves when no function runs by the clock any more. */
function beginNothingMore(parts: ClosingNeeds): Promise<void> {
  const { standing, sources, topics, shared, actors, announcing } = parts;
  standing.beginClosing();
  sources.close();
  topics.close();
  shared.schedules.close();
  const functions = parts.functions.close();
  actors.close();
  announcing.soon();
  return functions;
}

/** What runs has until then; what still runs after that is told to stop. */
async function finish(
  parts: ClosingNeeds,
  served: readonly Served[],
  functions: Promise<void>,
  drainMs: number,
): Promise<void> {
  await Promise.allSettled(served.map(({ dispatcher }) => dispatcher.stop()));
  const drained = [parts.actors.handOver(), ...served.map(({ dispatcher }) => dispatcher.drained())];
  await within(wakefulTimers, drainMs, Promise.all([...drained, functions]));
  for (const { dispatcher } of served) dispatcher.giveUp(new NodeClosed('handler', 'unknown'));
  parts.functions.giveUp();
  parts.correspondence.close();
  parts.sending.stop();
}

async function flushed({ sending, settling, actors }: ClosingNeeds): Promise<void> {
  while (!sending.idle) await sleep(5);
  await settling.settler.settled();
  await actors.handOver();
  // What an inbox holds is handed over in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
}

/** Everything but what says that this node is there. */
async function release(parts: ClosingNeeds, served: readonly Served[]): Promise<void> {
  for (const { limits, deadBound } of served) {
    limits.close();
    deadBound?.close();
  }
  await Promise.all(served.map(({ pool }) => pool.close(0)));
  await parts.actors.closeKeyed();
  parts.standing.closed = true;
  parts.replies.close();
  parts.sending.close();
  parts.settling.settler.close();
  parts.health.close();
  await within(wakefulTimers, FLUSH_MS, parts.shared.close());
}

async function leave({ link, log, standing, deadlines }: ClosingNeeds): Promise<void> {
  if (standing.rejoining !== undefined) await within(wakefulTimers, REJOIN_MAX_MS, standing.rejoining);
  try {
    if (standing.member) await link.membership.leave();
  } catch (thrown) {
    log.warn(
      { evt: 'leave_failed', reason: messageOf(thrown) },
      'could not say goodbye; the others will notice by the missing beat',
    );
  }
  standing.member = false;
  deadlines.close();
  await link.close();
}
