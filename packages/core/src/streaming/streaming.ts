/** What an actor needs, some of whose methods answer with a stream. */
import type { Actor } from '../contract/actor.ts';
import { ConfigError } from '../ground/errors.ts';
import type { PresenceOf } from '../registry/presence-of.ts';
import type { Streams } from '../serving/dispatcher-needs.ts';
import type { Gate } from '../serving/gate.ts';
import { Begun } from '../serving/gates/begun.ts';
import type { Serving } from '../serving/serve.ts';
import type { Yielding } from './outgoing.ts';
import type { OutgoingStreams } from './outgoing-streams.ts';

/** Parts of its dispatcher; none where all its methods answer once. */
export function streaming(
  actor: Actor,
  gates: readonly Gate[] | undefined,
  { outgoing, presence }: { readonly outgoing: OutgoingStreams; readonly presence: PresenceOf },
): { readonly streams?: Streams; readonly gates?: readonly Gate[] } {
  const yields = yieldingOf(actor);
  if (yields.size === 0) return {};
  const begun = new Begun({ yields, isGone: (nodeId) => presence.isGone(nodeId) });
  // First: what is no stream, or no stream any more, is not kept, counted or made to wait by the others.
  return { streams: { yields, outgoing }, gates: [begun, ...(gates ?? [])] };
}

/** @throws ConfigError where a handler in a thread would have to yield. */
export function refuseThreads(actor: Actor, { pool }: Serving): void {
  if (pool !== 'threads') return;
  for (const method of yieldingOf(actor).keys()) {
    throw new ConfigError(
      `serve: ${actor.contract.name}.${method} yields, and items cannot leave a worker thread one by one: serve it with pool 'async', and let its handler call an actor in threads for what must be computed`,
    );
  }
}

function yieldingOf({ contract }: Actor): ReadonlyMap<string, Yielding> {
  const yields = new Map<string, Yielding>();
  for (const [method, { yields: schema, errors }] of Object.entries(contract.methods)) {
    if (schema !== undefined) yields.set(method, { subject: `${contract.name}.${method}`, schema, errors });
  }
  return yields;
}
