/** One call on its way through the powers that protect it. Each power is a layer: `(next) => (request) => …`. */
import type { Scope } from '../ground/scope.ts';
import type { StreamTerms } from '../streaming/terms.ts';

import type { WhenFull } from '../policies/service-settings.ts';

import type { Priority } from '../contract/lines.ts';

export interface Request {
  /** `service.method`, for messages and as the breaker's name. */
  readonly subject: string;
  readonly service: string;
  readonly method: string;
  /** `actor@major`: answers of different majors are never taken for each other. */
  readonly mailbox?: string | undefined;
  readonly kind: 'query' | 'command';
  /** As the caller gave it, already checked. */
  readonly input: unknown;
  /** Absolute, backend time, ms: covers every try and every wait between them. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly key: string | undefined;
  /** Only where the contract has priorities. */
  readonly priority?: Priority | undefined;
  /** Where the caller wants it to run; absent: wherever the service's policy says. */
  readonly wish?: Wish | undefined;
  /** Given by the caller; a retry after an unknown outcome is safe with it. */
  readonly id: string | undefined;
  /** Where there is no room; absent: as the service's policy says. */
  readonly whenFull?: WhenFull | undefined;
  /** What shall become of it when its caller's node is gone before it begins; absent: it is run. */
  readonly orphan?: 'skip' | undefined;
  /** The work on whose behalf it is. */
  readonly scope?: Scope | undefined;
  /** Of what is answered with a stream. */
  readonly stream?: StreamTerms | undefined;
  /** Its method never runs twice: nothing is sent again once it may have run, whatever its kind or id. */
  readonly atMostOnce?: boolean | undefined;
  /** Tries so far, the one under way included; layers below `retry` see it grow. */
  attempts: number;
  /** Why the answer is not the service's own: `cache` or the code of the failure that a fallback stood in for. */
  degraded: string | undefined;
}

/** Which instances a request may go to. */
export interface Wish {
  /** This node alone. */
  readonly node?: string | undefined;
  /** Instances that have all of these. */
  readonly tags?: readonly string[] | undefined;
}

/** Sends a request on and answers with what came of it. Rejects with a `HomeostatError`. */
export type Send = (request: Request) => Promise<unknown>;

export type Layer = (next: Send) => Send;
