/** A node has died: it fell silent, and its watchers declared it dead. */
import type { InstanceEvent } from '../../node/events.ts';
import { openOf, scopeOf } from './find.ts';
import type { ConditionFacts, Source, SourcesNeeds } from './needs.ts';
import { withScope } from './pains.ts';

/** So many tell of it, in case that one of them hangs. */
const WITNESSES = 2;
/** A node that has begun so shortly before another of its name was declared dead is that one, started again, ms. */
const BACK_MS = 15_000;
/** Services named in the message. */
const MAX_NAMED = 20;

export function nodeExpiredSource(needs: SourcesNeeds): Source {
  const { signal, events, timers, rank } = needs;
  /** Node → what it served; a node that dies is told of once per service, all in one turn. */
  const dying = new Map<string, InstanceEvent[]>();
  /** Name → who of it began to serve last, and when, monotonic, ms. */
  const begun = new Map<string, { readonly nodeId: string; readonly at: number }>();

  const isBack = ({ nodeName, nodeId }: InstanceEvent): boolean => {
    const last = begun.get(nodeName);
    return last !== undefined && last.nodeId !== nodeId && timers.clock.elapsed() - last.at < BACK_MS;
  };

  const tell = (nodeId: string): void => {
    const served = dying.get(nodeId)!;
    dying.delete(nodeId);
    if (rank(nodeId) >= WITNESSES) return;
    const { nodeName } = served[0]!;
    const services = [...new Set(served.map(({ service }) => service))];
    const facts = factsOf(nodeName);
    signal.raise(
      withScope(facts, {
        severity: 'high',
        message: `node ${nodeName} (${nodeId}) has died; it served ${namesOf(services)}`,
        metrics: { nodeId, services: services.length },
        tags: [`node:${nodeId}`],
      }),
    );
    if (isBack(served[0]!)) signal.clear(facts);
  };

  const offs = [
    events.on('expired', (event) => {
      const known = dying.get(event.nodeId);
      if (known !== undefined) return void known.push(event);
      dying.set(event.nodeId, [event]);
      queueMicrotask(() => tell(event.nodeId));
    }),
    events.on('registered', ({ nodeName, nodeId }) => {
      begun.set(nodeName, { nodeId, at: timers.clock.elapsed() });
      for (const alert of openOf(needs, KIND)) if (scopeOf(alert) === nodeName) signal.clear(factsOf(nodeName));
    }),
  ];

  return {
    tick: () => {
      const before = timers.clock.elapsed() - BACK_MS;
      for (const [name, { at }] of begun) if (at < before) begun.delete(name);
    },
    close: () => {
      for (const off of offs) off();
    },
  };
}

const KIND = 'node-expired';

function factsOf(nodeName: string): ConditionFacts {
  return { kind: KIND, scope: nodeName };
}

function namesOf(services: readonly string[]): string {
  const named = services.slice(0, MAX_NAMED).join(', ');
  return services.length > MAX_NAMED ? `${named} and ${services.length - MAX_NAMED} more` : named;
}
