/** Every verb, in the order of the help. */
import type { Verb } from './verb.ts';
import { alerts } from './verbs/alerts.ts';
import { breaker } from './verbs/breaker.ts';
import { breakers } from './verbs/breakers.ts';
import { call, cast } from './verbs/call.ts';
import { cache } from './verbs/cache.ts';
import { config } from './verbs/config.ts';
import { dead } from './verbs/dead.ts';
import { delivery } from './verbs/delivery.ts';
import { drain } from './verbs/drain.ts';
import { health } from './verbs/health.ts';
import { instances } from './verbs/instances.ts';
import { mark } from './verbs/mark.ts';
import { schedules } from './verbs/schedules.ts';
import { services } from './verbs/services.ts';
import { stats } from './verbs/stats.ts';
import { status } from './verbs/status.ts';
import { topics } from './verbs/topics.ts';

export const VERBS: readonly Verb[] = [
  status,
  services,
  instances,
  health,
  stats,
  dead,
  call,
  cast,
  topics,
  breakers,
  breaker,
  config,
  delivery,
  mark,
  drain,
  cache,
  schedules,
  alerts,
];
