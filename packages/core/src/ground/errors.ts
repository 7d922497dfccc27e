/**
 * Every error of the runtime, on one page. One root, a stable `code`, told apart by `code` and never by class
 * (classes do not survive threads or two copies of a package).
 *
 * `outcome` says what is known of the work: `not-executed` (no handler saw it: safe to send again), `failed` (a handler
 * ran and refused), `unknown` (it may or may not have run).
 */
export type Outcome = 'not-executed' | 'failed' | 'unknown';

export interface ErrorFacts {
  /** Whether sending the same request again may succeed. */
  readonly retryable?: boolean;
  readonly outcome?: Outcome;
  /** Plain data that travels with the error. */
  readonly details?: unknown;
  readonly cause?: unknown;
  /** The earliest useful moment to try again, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

export class HomeostatError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly outcome: Outcome;
  readonly details: unknown;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = facts.retryable ?? false;
    this.outcome = facts.outcome ?? 'not-executed';
    this.details = facts.details;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

export interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** A value that does not fit its schema. `side` tells whether the request or the answer was wrong. */
export class ValidationError extends HomeostatError {
  readonly issues: readonly Issue[];
  readonly side: 'input' | 'output';
  constructor(side: 'input' | 'output', subject: string, issues: readonly Issue[], outcome: Outcome = 'not-executed') {
    super(
      side === 'input' ? 'VALIDATION' : 'OUTPUT_INVALID',
      `${subject}: the ${side} does not fit its schema: ${describeIssues(issues)}`,
      { outcome, details: { side, issues } },
    );
    this.side = side;
    this.issues = issues;
  }
}

/** An option given to the runtime is wrong. The message names its path. */
export class ConfigError extends HomeostatError {
  constructor(message: string, cause?: unknown) {
    super('CONFIG', message, { cause });
  }
}

/** No answer came before the deadline: the work may or may not have run. */
export class CallTimeout extends HomeostatError {
  constructor(subject: string, waitedMs: number, outcome: Outcome = 'unknown') {
    super(
      'CALL_TIMEOUT',
      `${subject}: no answer within ${Math.round(waitedMs)} ms. Is a node serving it, and is its handler fast enough? Raise timeoutMs if the work needs longer.`,
      { retryable: true, outcome },
    );
  }
}

/** The caller's signal was aborted. */
export class Aborted extends HomeostatError {
  constructor(subject: string, cause?: unknown, outcome: Outcome = 'unknown') {
    super('ABORTED', `${subject}: the caller aborted`, { outcome, cause });
  }
}

/** The mailbox has no room. `details` holds the limits, what waits and how much more would fit. */
export class MailboxFull extends HomeostatError {
  constructor(
    mailbox: string,
    details: {
      readonly messages: number;
      readonly maxLength: number;
      readonly bytes: number;
      readonly maxBytes: number;
      readonly room: number;
    },
  ) {
    super(
      'MAILBOX_FULL',
      `mailbox ${mailbox} is full: ${details.messages} of ${details.maxLength} messages, ${details.bytes} of ${details.maxBytes} bytes. Add nodes, or raise maxLength or maxBytes of the actor.`,
      { retryable: true, outcome: 'not-executed', details },
    );
  }
}

/** The value cannot travel: a function, a symbol, a cycle, an integer beyond 64 bits, too deep. */
export class SerializationError extends HomeostatError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super('SERIALIZATION', message, facts);
  }
}

/** The encoded body is larger than `maxBodyBytes`, or the message than all that its mailbox may hold. */
export class PayloadTooLarge extends HomeostatError {
  constructor(bytes: number, limit: number, of = 'maxBodyBytes on every node') {
    super(
      'PAYLOAD_TOO_LARGE',
      `the body is ${bytes} bytes, more than the limit of ${limit}. Send a reference to the data instead, let claimCheck keep it beside the mailbox, or raise ${of}.`,
      {
        details: { bytes, limit },
      },
    );
  }
}

/** A body that was left beside its mailbox (`claimCheck`) is there no more. */
export class ClaimedBodyGone extends HomeostatError {
  constructor(key: string) {
    super(
      'CLAIMED_BODY_GONE',
      'the body that was left beside the mailbox is gone: its time was over before the message was handled. Raise ttlMs of claimCheck above the longest wait and all redeliveries.',
      { outcome: 'not-executed', details: { key } },
    );
  }
}

/** Bytes that are no frame of ours, or a hostile one. `reason` is a short code; never the bytes themselves. */
export class FrameInvalid extends HomeostatError {
  readonly reason: string;
  constructor(reason: string) {
    super('FRAME_INVALID', `these bytes are no valid frame: ${reason}`);
    this.reason = reason;
  }
}

/** No living node announces the method. */
export class MethodNotFound extends HomeostatError {
  constructor(mailbox: string, method: string) {
    super(
      'METHOD_NOT_FOUND',
      `${mailbox} has no method "${method}", and no living node announces one. Check the name and the contract's version.`,
    );
  }
}

/** The backend cannot be reached, or refused the command. */
export class TransportError extends HomeostatError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super('TRANSPORT', message, { retryable: true, outcome: 'unknown', ...facts });
  }
}

/** The backend has no memory left to accept more. What waits is still handed out. */
export class BackendFull extends HomeostatError {
  constructor(message: string, cause?: unknown) {
    super('BACKEND_FULL', message, { retryable: true, outcome: 'not-executed', cause });
  }
}

/** This node was declared dead or lost its registration; it rejoins under a new id by itself. */
export class NotMember extends HomeostatError {
  constructor(nodeId: string, outcome: Outcome = 'unknown') {
    super('NOT_MEMBER', `node ${nodeId} is no member any more; it rejoins under a new id`, {
      retryable: true,
      outcome,
    });
  }
}

/** The node is closing or closed. */
export class NodeClosed extends HomeostatError {
  constructor(subject: string, outcome: Outcome = 'not-executed') {
    super('NODE_CLOSED', `${subject}: this node is closed`, { outcome });
  }
}

/** The lanes or another part of the layout in the backend differ from this node's options. */
export class LayoutMismatch extends HomeostatError {
  constructor(message: string) {
    super('LAYOUT_MISMATCH', message);
  }
}

/** A handler threw something without a code, or its thread died. */
export class HandlerError extends HomeostatError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super('HANDLER', message, { retryable: true, outcome: 'failed', ...facts });
  }
}

/** A thread that ran a handler died, or was ended at the deadline. */
export class WorkerError extends HomeostatError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super('WORKER', message, { retryable: true, outcome: 'failed', ...facts });
  }
}

/** The handler was still running at its deadline. */
export class HandlerTimeout extends HomeostatError {
  constructor(subject: string, limitMs: number) {
    super('HANDLER_TIMEOUT', `${subject}: still running after ${limitMs} ms`, { retryable: true, outcome: 'failed' });
  }
}

/** The shared breaker of this method is open: it failed too often. `retryAfterMs` says when it may be tried again. */
export class CircuitOpen extends HomeostatError {
  constructor(name: string, reason: string, retryAfterMs: number) {
    super(
      'CIRCUIT_OPEN',
      `${name}: the breaker is open (${reason}); it may be tried again in ${Math.ceil(retryAfterMs)} ms`,
      {
        retryable: true,
        outcome: 'not-executed',
        retryAfterMs,
      },
    );
  }
}

/** This node has as many calls of the service under way as `maxPending` allows. */
export class Overloaded extends HomeostatError {
  constructor(service: string, limit: number) {
    super(
      'OVERLOADED',
      `${service}: ${limit} calls of this node are under way already. Send fewer at once, or raise services.${service}.maxPending.`,
      { retryable: true, outcome: 'not-executed', details: { service, limit } },
    );
  }
}

/** A limit of the method over all nodes leaves no turn before the deadline. `retryAfterMs` says when there is one. */
export class LimitReached extends HomeostatError {
  constructor(subject: string, what: 'rate' | 'concurrency', retryAfterMs: number) {
    super(
      'LIMIT_REACHED',
      `${subject}: the limit of its ${what} leaves no turn before the deadline; the next is in ${retryAfterMs} ms. Send fewer, wait longer, or raise limits.${what}.`,
      { retryable: true, outcome: 'not-executed', retryAfterMs, details: { limit: what } },
    );
  }
}

/** Nobody ever registered a service of this name. */
export class ServiceNotFound extends HomeostatError {
  constructor(service: string) {
    super(
      'SERVICE_NOT_FOUND',
      `no node serves "${service}", and none is known to have. Check the name and the namespace, or start a node that serves it.`,
      { retryable: true, outcome: 'not-executed', details: { service } },
    );
  }
}

/** The service is known, but no instance that could take this request is healthy. */
export class NoHealthyInstances extends HomeostatError {
  constructor(service: string, wanted = '') {
    super(
      'NO_HEALTHY_INSTANCES',
      `${service}: no healthy instance${wanted === '' ? '' : ` ${wanted}`}. node.health.of('${service}') says why.`,
      { retryable: true, outcome: 'not-executed', details: { service, ...(wanted === '' ? undefined : { wanted }) } },
    );
  }
}

/** Somebody switched the service off: `delivery: 'disabled'`. */
export class ServiceDisabled extends HomeostatError {
  constructor(service: string, reason: string) {
    super('SERVICE_DISABLED', `${service} is switched off: ${reason}`, { details: { service, reason } });
  }
}

/** So much is being tried again that another try would only add to the load. `cause` is the failure of the last try. */
export class RetryBudgetExhausted extends HomeostatError {
  constructor(service: string, cause: HomeostatError) {
    super(
      'RETRY_BUDGET_EXHAUSTED',
      `${service}: not tried again, the retry budget is spent; the last try: ${cause.message}`,
      {
        outcome: cause.outcome,
        cause,
        details: { service, code: cause.code },
      },
    );
  }
}

/** A live setting has been changed by somebody else meanwhile. */
export class RevisionConflict extends HomeostatError {
  constructor(subject: string, expected: number, actual: number) {
    super(
      'REVISION_CONFLICT',
      `${subject} is at revision ${actual}, not ${expected}: somebody changed it meanwhile. Read it again, then change it.`,
      { details: { expected, actual } },
    );
  }
}

/** What stands under a key of shared state cannot be read: it is no value, or none that the schema allows. It is left there. */
export class StateInvalid extends HomeostatError {
  constructor(space: string, key: string, reason: string, cause?: unknown) {
    super(
      'STATE_INVALID',
      `state ${space}: the value under a key cannot be read: ${reason}. It is left as it is; details.key names it. Who else writes there?`,
      { outcome: 'failed', cause, details: { space, key, reason } },
    );
  }
}

/**
 * A stream ended before its end: the node that sent it died, left or was declared dead, or items were lost on the way. What
 * came before is right; whether the handler did more is unknown.
 */
export class StreamBroken extends HomeostatError {
  constructor(subject: string, reason: string, outcome: Outcome = 'unknown') {
    super('STREAM_BROKEN', `${subject}: the stream broke: ${reason}. Ask again for what is missing.`, {
      retryable: true,
      outcome,
      details: { reason },
    });
  }
}

/** A request to a keyed actor that says no key: nobody could tell what it must not overtake. */
export class KeyRequired extends HomeostatError {
  constructor(mailbox: string) {
    super('KEY_REQUIRED', `${mailbox} is keyed: give each call and cast a key, as in api.method(input, { key })`, {
      details: { mailbox },
    });
  }
}

/** A keyed actor was called, on behalf of a message of one key, with the same key: it would wait for itself. */
export class CallCycle extends HomeostatError {
  constructor(mailbox: string, key: string) {
    super(
      'CALL_CYCLE',
      `${mailbox}: a handler of this key has called, directly or by others, the same key again and would wait for itself. Cast instead, or do the work in the handler.`,
      { details: { mailbox, key } },
    );
  }
}

/** A health check failed, or did not answer in time. */
export class CheckFailed extends HomeostatError {
  constructor(check: string, reason: string, cause?: unknown) {
    super('CHECK_FAILED', `${check}: ${reason}`, { retryable: true, outcome: 'failed', cause });
  }
}

/** No alert lives under this id: it never did, or it is archived. */
export class AlertNotFound extends HomeostatError {
  constructor(reference: string) {
    super(
      'ALERT_NOT_FOUND',
      `no living alert "${reference}": what is over is archived a few minutes later. alerts.list() shows all there are.`,
      { details: { reference } },
    );
  }
}

/** This setting cannot be changed while nodes run. */
export class RestartRequired extends HomeostatError {
  constructor(path: string) {
    super('RESTART_REQUIRED', `${path} cannot be changed live: give it in code or file and restart the nodes`, {
      details: { path },
    });
  }
}

/** An error that a handler raised on purpose, by `ctx.fail(code, details)` or by throwing one with a `code`. */
export class ActorError extends HomeostatError {
  constructor(code: string, message: string, facts: ErrorFacts = {}) {
    super(code, message, { outcome: 'failed', ...facts });
  }
}

const MAX_ISSUES_SHOWN = 3;

export function describeIssues(issues: readonly Issue[]): string {
  const shown = issues
    .slice(0, MAX_ISSUES_SHOWN)
    .map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`);
  const hidden = issues.length - shown.length;
  return shown.join('; ') + (hidden > 0 ? `; and ${hidden} more` : '');
}

/** Whatever was thrown, as an error of ours. */
export function asHomeostatError(thrown: unknown): HomeostatError {
  return thrown instanceof HomeostatError ? thrown : new HandlerError(messageOf(thrown), { cause: thrown });
}

/** The `code` of anything thrown, null and strings included; `fallback` where it has none. */
export function codeOf(thrown: unknown, fallback = 'HANDLER'): string {
  const code = typeof thrown === 'object' && thrown !== null ? (thrown as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : fallback;
}

/** The message of anything thrown, null and strings included. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  if (typeof thrown === 'object' && thrown !== null && typeof (thrown as { message?: unknown }).message === 'string') {
    return (thrown as { message: string }).message;
  }
  return String(thrown);
}
