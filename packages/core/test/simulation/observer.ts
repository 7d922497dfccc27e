/** A member of the backend's own, that no fault reaches: it sees who comes and goes, and takes part in nothing. */
import type { Backend } from '../../src/backend.ts';
import type { Broker } from '../../src/ports/broker.ts';
import type { NewsItem } from '../../src/ports/membership.ts';
import type { History } from './history.ts';
import { BEAT } from './process.ts';
import { quietLog } from './quiet-log.ts';

const NAMESPACE = 'homeostat';

export async function observe(backend: Backend, history: History): Promise<Broker> {
  const link = await backend.connect({
    name: 'observer',
    namespace: NAMESPACE,
    beat: BEAT,
    log: quietLog(() => undefined),
  });
  const startedAt = link.now();
  const presence = {
    report: () => ({ name: 'observer', pid: 0, host: 'nowhere', startedAt, status: 'healthy', serves: {} }) as const,
    vitals: () => ({ inFlight: 0, load: 0, loopDelayMs: 0, memoryMb: 0, actors: {}, serviceMs: {}, checks: {} }),
  };
  const note = ({ kind, id }: NewsItem): void => {
    if (kind === 'joined') history.add({ type: 'joined', member: id });
    else if (kind === 'left' || kind === 'expired') history.add({ type: 'gone', member: id });
  };
  await link.membership.join(presence, {
    evicted: (reason) => history.add({ type: 'trouble', what: `the observer was evicted: ${reason}` }),
    inbox: () => undefined,
    news: (items) => items.forEach(note),
    alerts: () => undefined,
    beaten: () => undefined,
  });
  return link.broker;
}
