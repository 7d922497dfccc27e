/** What a node is made of, and which part tells which. */
import type { Sources } from '../alerts/sources/sources.ts';
import type { Calling } from '../calling/calling.ts';
import type { Actor } from '../contract/actor.ts';
import type { HomeostatError } from '../ground/errors.ts';
import type { Health } from '../health/health.ts';
import type { MailboxDepth } from '../ports/broker.ts';
import { Scaler } from '../scaling/scaler.ts';
import { ScheduledFunctions } from '../schedules/functions.ts';
import { Replies } from '../sending/replies.ts';
import type { Sending } from '../sending/sending.ts';
import { serveOptions } from '../serving/serve.ts';
import type { TopicRoom } from '../topics/topic-room.ts';
import { depthOf } from './depths.ts';
import { Announcing } from './life/announcing.ts';
import { Hosting } from './life/hosting.ts';
import { Joining } from './life/joining.ts';
import { Rounds } from './life/rounds.ts';
import { basisOf, type Basis, type NodeNeeds } from './parts/basis.ts';
import { callingOn } from './parts/calling.ts';
import { Correspondence } from './parts/correspondence.ts';
import { healthOn } from './parts/health.ts';
import { pingBy } from './parts/pings.ts';
import { NodePresence } from './parts/presence.ts';
import { sendingOn } from './parts/sending.ts';
import { startSenses } from './parts/senses.ts';
import { servingOn } from './parts/serving.ts';
import { Settling } from './parts/settling.ts';
import { SharedState } from './parts/shared-state.ts';
import { topicsOn } from './parts/topics.ts';
import { Participation } from './served/participation.ts';
import type { ServedActors } from './served/served-actors.ts';
import { Standing } from './standing.ts';

export interface NodeParts extends Basis {
  readonly standing: Standing;
  readonly announcing: Announcing;
  readonly replies: Replies;
  readonly settling: Settling;
  readonly sending: Sending;
  readonly shared: SharedState;
  readonly correspondence: Correspondence;
  readonly calling: Calling;
  readonly actors: ServedActors;
  readonly health: Health;
  readonly scaler: Scaler;
  readonly hosting: Hosting;
  readonly functions: ScheduledFunctions;
  readonly topics: TopicRoom;
  readonly sources: Sources;
  readonly rounds: Rounds;
  readonly joining: Joining;
}

/** Each part is given those that it uses. What it tells a part that is made after it, it tells once all are made. */
export function assemble(needs: NodeNeeds): NodeParts {
  const standing = new Standing();
  const basis = basisOf(needs, standing);
  const { link, policy, policies, events, balancer, log } = basis;
  const { clock, timers, wakeful, deadlines, flusher, memberId } = basis;
  const { membership } = link;
  const announcing = new Announcing(membership, standing);
  const full: Sources['mailboxFull'] = (mailbox, level) => sources.mailboxFull(mailbox, level);
  const failed = (error: HomeostatError): void => sources.backendFailed(error);

  const replies = new Replies(clock, deadlines, log, policy.maxBodyBytes, (frame, envelope) =>
    correspondence.take(frame, envelope),
  );
  const settling = new Settling({ broker: link.broker, flusher, log, failed });
  const sending = sendingOn(basis, {
    ...{ replies, full, failed },
    split: (mailbox, partitions) => calling.split.learn(mailbox, partitions),
  });
  const shared = new SharedState({
    ...{ link, policy, policies, balancer, timers, wakeful, events, log, memberId },
    isMember: () => standing.member,
    mailboxFull: full,
    tagsOf: (service) => actors.of(service).flatMap(({ tags }) => tags),
    alongside: { apply: (item) => topics.telling.apply(item), resync: () => topics.telling.resync() },
    changed: () => announcing.soon(),
    gone: (nodeId) => correspondence.gone(nodeId),
  });
  const { registry, schedules } = shared;
  const correspondence: Correspondence = new Correspondence({
    ...{ sending, registry, membership, clock, deadlines, log },
    dispatchers: () => actors.all.map(({ dispatcher }) => dispatcher),
  });
  const calling: Calling = callingOn(basis, {
    ...{ sending, shared, correspondence },
    local: (mailbox) => actors.local(mailbox),
    retryRefused: (service) => sources.retryRefused(service),
    watch: {
      watchesCalls: (service) => sources.watchesCalls(service),
      called: (service, method, error) => sources.called(service, method, error),
    },
  });
  const actors: ServedActors = servingOn(basis, {
    ...{ sending, settling, calling, registry, correspondence, failed },
    ended: (mailbox, ms, hasFailed, code, isCall) => {
      health.outcome(mailbox, ms, hasFailed);
      sources.ended(mailbox, ms, hasFailed, code, isCall);
    },
  });
  const participation = new Participation({ actors, registry, memberId });
  const health: Health = healthOn(basis, {
    registry,
    ping: pingBy({ sending, actors, registry, clock, memberId }),
    hooks: {
      rotation: (mailbox, to, reason) => participation.rotate(mailbox, to, reason),
      changed: () => announcing.soon(),
      hurt: (hurt) => sources.checkHurt(hurt),
      healed: (healed) => sources.checkHealed(healed),
      stood: (delayMs) => sources.stood(delayMs),
    },
  });
  /** Of an actor served here: all of its lines. */
  const depth = (mailbox: string): Promise<MailboxDepth> =>
    depthOf(link.broker, actors.get(mailbox)?.actor.contract ?? { mailbox });
  const scaler = new Scaler({
    ...{ clock, log, events, depth },
    instances: (service) => registry.peek(service).length,
  });
  const hosting = new Hosting({ membership, standing, announcing, actors, policies, shared, health, scaler });
  const serve = (actor: Actor): Promise<void> => hosting.serve(actor, serveOptions({}, actor));
  const unserve = (mailbox: string, drainMs = policy.drainMs): Promise<void> => hosting.unserve(mailbox, drainMs);
  const functions = new ScheduledFunctions({
    ...{ schedules, timers: wakeful, log, serve, unserve },
    drainMs: policy.drainMs,
  });
  const topics: TopicRoom = topicsOn(basis, {
    ...{ sending, calling, registry, serve, unserve, full, failed },
    serves: (mailbox) => actors.get(mailbox) !== undefined,
  });
  replies.onCast = (frame, envelope) => topics.everyNode.receive(frame, envelope);
  const sources: Sources = startSenses({
    ...{ policy, timers, log, shared, calling, actors, scaler, memberId, depth },
    backendMemory: () => standing.backendMemory,
  });
  const rounds = new Rounds({ link, standing, events, actors, participation, correspondence, announcing });
  const presence = new NodePresence({
    name: policy.name,
    startedAt: Math.round(link.now()),
    feelings: health,
    served: () => actors.entries(),
    stage: () => standing.stage,
    hears: () => shared.alerts.hears(),
  });
  const joining = new Joining({
    ...{ membership, standing, presence, clock, log, replies, split: calling.split },
    ...{ shared, actors, settling, correspondence, functions, topics },
  });
  return {
    ...{ ...basis, standing, announcing, replies, settling, sending, shared, correspondence, calling, actors },
    ...{ health, scaler, hosting, functions, topics, sources, rounds, joining },
  };
}
