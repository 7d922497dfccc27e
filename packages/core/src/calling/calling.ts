/** What every client of a node calls with. */
import type { ClaimCheck } from './claim-check.ts';
import type { HomeostatError } from '../ground/errors.ts';
import type { Emitter } from '../node/events.ts';
import type { Cancelling } from './cancelling.ts';
import type { HeldCasts } from './held-casts.ts';
import type { ClientMiddleware } from './middleware.ts';
import type { Policies } from '../policies/policies.ts';
import type { PipelineNeeds } from '../resilience/pipeline.ts';
import type { Routing } from './routing.ts';
import type { SendHook } from './send-hooks.ts';
import type { Sending } from '../sending/sending.ts';
import type { IncomingStreams } from '../streaming/incoming-streams.ts';
import type { SplitMailboxes } from './split-mailboxes.ts';

export interface Calling {
  readonly sending: Sending;
  readonly policies: Policies;
  readonly routing: Routing;
  readonly resilience: PipelineNeeds;
  readonly middleware: readonly ClientMiddleware[];
  readonly sendHooks: Set<SendHook>;
  readonly events: Emitter;
  readonly claimCheck: ClaimCheck;
  readonly watch: CallWatch;
  readonly streams: IncomingStreams;
  readonly cancelling: Cancelling;
  readonly split: SplitMailboxes;
  /** Of calls made on behalf of a message: see `chain.ts`. */
  readonly chain?: string | undefined;
  /** Where casts made on behalf of a message wait until that ends; absent: they leave at once. */
  readonly held?: HeldCasts | undefined;
}

/** Who wants to know what becomes of the calls of some services. */
export interface CallWatch {
  watchesCalls(service: string): boolean;
  /** A call has ended; without an error it has succeeded. Must not throw. */
  called(service: string, method: string, error: HomeostatError | undefined): void;
}
