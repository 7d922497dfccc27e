/** A group of a topic was forgotten: nobody served it, more waited for it than is retained, and all of that is lost. */
import { serviceOfTopic } from '../../topics/names.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import { withScope } from './pains.ts';

/** It stands until somebody resolves it: what is lost does not come back by itself. */
export function groupDroppedSource({ signal, events, selfId }: SourcesNeeds): Source {
  const off = events.on('groupDropped', ({ topic, group, messages, bytes, dead, reason, by }) => {
    if (reason !== 'retention' || by !== selfId()) return;
    signal.raise(
      withScope(
        { kind: 'topic-group-dropped', service: serviceOfTopic(topic), scope: group },
        {
          severity: 'high',
          message: `${topic}: the group ${group} was dropped with ${messages} messages: no node served it, and that is more than the topic retains`,
          impact: 'those messages are lost for this group; what is published from now on is not kept for it',
          metrics: { group, messages, bytes, dead },
          actions: ['start a node that subscribes with this group, or leave it: then nobody needs it', 'resolve this'],
        },
      ),
    );
  });
  return { close: off };
}
