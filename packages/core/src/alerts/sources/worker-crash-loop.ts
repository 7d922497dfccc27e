/** The threads of a pool die one after the other. */
import { serviceOf } from '../../registry/instance.ts';
import { Burst } from './burst.ts';
import type { Source, SourcesNeeds } from './needs.ts';
import type { SourcesPolicy } from './options.ts';
import { Pains } from './pains.ts';

type CrashLoopPolicy = Exclude<SourcesPolicy['workerCrashLoop'], false>;

export function workerCrashLoopSource(needs: SourcesNeeds, { deaths, windowMs }: CrashLoopPolicy): Source {
  const { events, timers } = needs;
  const pains = new Pains(needs);
  const bursts = new Map<string, Burst>();
  const off = events.on('thread', ({ mailbox, reason }) => {
    let burst = bursts.get(mailbox);
    if (burst === undefined) bursts.set(mailbox, (burst = new Burst(deaths, windowMs)));
    if (!burst.add(timers.clock.elapsed())) return;
    pains.hurts(mailbox, { kind: 'worker-crash-loop', service: serviceOf(mailbox), scope: mailbox }, () => ({
      severity: 'high',
      message: `${mailbox}: ${deaths} of its threads died within ${windowMs / 1_000} s; the last: ${reason}`,
      metrics: { deaths, windowMs },
    }));
  });
  return {
    tick: () => pains.calm(windowMs),
    close: () => {
      off();
      pains.close();
    },
  };
}
