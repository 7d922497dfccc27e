/** What every client of a node calls with. */
import type { Emitter } from '../node/events.ts';
import type { ClientMiddleware } from './middleware.ts';
import type { Policies } from '../policies/policies.ts';
import type { PipelineNeeds } from '../resilience/pipeline.ts';
import type { Routing } from './routing.ts';
import type { SendHook } from './send-hooks.ts';
import type { Sending } from '../sending/sending.ts';

export interface Calling {
  readonly sending: Sending;
  readonly policies: Policies;
  readonly routing: Routing;
  readonly resilience: PipelineNeeds;
  readonly middleware: readonly ClientMiddleware[];
  readonly sendHooks: Set<SendHook>;
  readonly events: Emitter;
}
