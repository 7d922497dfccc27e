import type { Registry } from '../../registry/registry.ts';
import { TopicRoom, type TopicRoomNeeds } from '../../topics/topic-room.ts';
import type { Basis } from './basis.ts';

type OwnTopicsNeeds = Pick<
  TopicRoomNeeds,
  'sending' | 'calling' | 'serve' | 'unserve' | 'serves' | 'full' | 'failed'
> & { readonly registry: Pick<Registry, 'nodes'> };

/** What a node has to do with topics. */
export function topicsOn(basis: Basis, { registry, ...needs }: OwnTopicsNeeds): TopicRoom {
  const { link, policy, timers, events, log, standing, memberId } = basis;
  return new TopicRoom({
    ...needs,
    ...{ timers, events, log, memberId },
    topics: link.topics,
    records: link.records,
    nodeName: policy.name,
    nodes: () => registry.nodes(),
    isMember: () => standing.member,
    ready: (signal) => link.ready(signal),
  });
}
