/** The one timer that all sources share. */
import type { Timers } from '../../ground/clock.ts';
import { messageOf } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { Source } from './needs.ts';

/** Looks at every source each `everyMs`, never twice at once. What one of them throws hurts no other. The answer ends it. */
export function lookEvery(everyMs: number, sources: readonly Source[], { setTimer }: Timers, log: Log): () => void {
  let cancel = (): void => {};
  let closed = false;
  const look = async (): Promise<void> => {
    await Promise.all(sources.map((source) => lookAt(source, log)));
    if (!closed) cancel = setTimer(everyMs, () => void look());
  };
  cancel = setTimer(everyMs, () => void look());
  return () => {
    closed = true;
    cancel();
  };
}

async function lookAt(source: Source, log: Log): Promise<void> {
  try {
    await source.tick?.();
  } catch (thrown) {
    log.warn({ evt: 'alert_source_failed', reason: messageOf(thrown) }, 'a source of alerts could not look');
  }
}
