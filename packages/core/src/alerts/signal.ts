/** What sources of alerts are given: nothing of it throws or rejects, whatever they say. */
import { z } from 'zod';
import type { Timers } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { count, milliseconds, parseOptions } from '../ground/parse-options.ts';
import type { RaiseOptions } from './alert.ts';
import { Sampled, type Condition, type ConditionOptions } from './condition.ts';
import type { QualifierPolicy } from './qualify.ts';
import type { Raising } from './raising.ts';
import type { Signal } from './sources/needs.ts';

export interface SignalNeeds {
  readonly raising: Raising;
  readonly timers: Timers;
  readonly log: Log;
}

const qualifierSchema: z.ZodType<QualifierPolicy> = z
  .object({
    onDelayMs: milliseconds.default(0),
    offDelayMs: milliseconds.default(0),
    need: count.max(1_000).default(1),
    of: count.max(1_000).optional(),
  })
  .refine(({ need, of = need }) => need <= of, { path: ['need'], message: 'must not be more than `of`' })
  .transform(({ onDelayMs, offDelayMs, need, of = need }) => ({ onDelayMs, offDelayMs, n: need, m: of }));

/** @throws ConfigError, ValidationError */
export function newCondition(needs: SignalNeeds, options: ConditionOptions): Condition {
  const { onDelayMs, offDelayMs, need, of, ...said } = options;
  const { raising, timers } = needs;
  const policy = parseOptions(qualifierSchema, { onDelayMs, offDelayMs, need, of }, 'alerts.condition');
  raising.check('pain', said);
  return new Sampled({
    timers,
    policy,
    raise: (more) => quietly(needs, said, () => raising.raise('pain', { ...said, ...more })),
    clear: () => quietly(needs, said, () => raising.clear(said)),
  });
}

export function newSignal(needs: SignalNeeds): Signal {
  const { raising } = needs;
  return {
    raise: (options) => quietly(needs, options, () => raising.raise('pain', options)),
    pleasure: (options) => quietly(needs, options, () => raising.raise('pleasure', options)),
    clear: (facts) => quietly(needs, facts, () => raising.clear(facts)),
    condition: (options) => newCondition(needs, options),
  };
}

function quietly({ log }: SignalNeeds, { kind }: Pick<RaiseOptions, 'kind'>, act: () => Promise<unknown>): void {
  const failed = (thrown: unknown): void => {
    log.error({ evt: 'alert_refused', kind, reason: messageOf(thrown) }, 'this alert cannot be told');
  };
  try {
    act().catch(failed);
  } catch (thrown) {
    failed(thrown);
  }
}
