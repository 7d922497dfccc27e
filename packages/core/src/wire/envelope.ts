/**
 * One message inside a frame, and how an error becomes one. `docs/wire.md` specifies the bytes.
 *
 * An envelope is read without its body: `bodyStart` and `bodyEnd` say where in the frame it lies, so that a node pays
 * for decoding only what it is about to run.
 */
import {
  Aborted,
  ActorError,
  AlertNotFound,
  BackendFull,
  CallCycle,
  CallTimeout,
  CheckFailed,
  CircuitOpen,
  ClaimedBodyGone,
  codeOf,
  ConfigError,
  FrameInvalid,
  HandlerError,
  HandlerTimeout,
  HomeostatError,
  KeyRequired,
  LayoutMismatch,
  LimitReached,
  MailboxFull,
  messageOf,
  MethodNotFound,
  NodeClosed,
  NoHealthyInstances,
  NotMember,
  Overloaded,
  PayloadTooLarge,
  RestartRequired,
  RetryBudgetExhausted,
  RevisionConflict,
  SerializationError,
  ServiceDisabled,
  ServiceNotFound,
  StateInvalid,
  StreamBroken,
  TransportError,
  ValidationError,
  WorkerError,
  type Issue,
  type Outcome,
} from '../ground/errors.ts';

/** What an envelope is. 8 to 15 are kept for what comes later; they parse, and whoever does not know one skips it. */
export const Kind = { call: 1, cast: 2, reply: 3, error: 4, item: 5, credit: 6, cancel: 7 } as const;

/** What travels with a call or cast when it was asked for. */
export interface Extras {
  readonly id?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An integer from -2^31 to 2^31 - 1. */
  readonly priority?: number;
  /** The body was left beside the mailbox, under this key. */
  readonly claim?: string;
  /** Not to be begun once the node that sent it is gone. Absent: it is run all the same. */
  readonly orphan?: 'skip';
  /** Of a call that is answered with a stream: when the stream must have ended; backend time, ms since the epoch. */
  readonly until?: number;
}

export interface Envelope {
  readonly kind: number;
  /** Empty for everything but calls and casts. */
  readonly method: string;
  /** What a reply is matched by; 0: none. */
  readonly correlation: number;
  /** Backend time, ms since the epoch; 0: none. */
  readonly deadline: number;
  readonly extras: Extras | undefined;
  /** Of an item its place in the stream, from 1 on; of a credit the last item that was taken. Else 0. */
  readonly number: number;
  /** Where the body lies in the bytes of the frame; both 0: the body is `undefined`. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

/** The body of an error envelope. It never holds a cause or a stack: they may hold secrets. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly outcome: Outcome;
  readonly details?: unknown;
  readonly issues?: readonly Issue[];
  readonly side?: 'input' | 'output';
  readonly retryAfterMs?: number;
  /** The name of the class it was thrown as. */
  readonly name?: string;
}

/** Longest message of an error that travels, in UTF-16 units. */
const MAX_MESSAGE_LENGTH = 4096;
/** Longest code and class name, in UTF-16 units. */
const MAX_CODE_LENGTH = 128;
/** Most issues of a validation error that travel. */
const MAX_ISSUES = 100;

/** Anything a handler may throw, `null` and objects with hostile getters included, as plain data. Never throws. */
export function toWireError(thrown: unknown): WireError {
  try {
    return describe(thrown);
  } catch {
    return {
      code: 'HANDLER',
      message: 'the handler threw something that cannot be read',
      retryable: true,
      outcome: 'failed',
    };
  }
}

function describe(thrown: unknown): WireError {
  const facts: Fields = isObject(thrown) ? thrown : {};
  const code = codeOf(thrown) || 'HANDLER';
  const ours = thrown instanceof HomeostatError;
  const issues = facts['issues'];
  const side = facts['side'];
  const invalid = (side === 'input' || side === 'output') && Array.isArray(issues);
  const details = invalid ? undefined : facts['details'];
  const retryAfterMs = facts['retryAfterMs'];
  const name = facts['name'];
  return {
    code: code.slice(0, MAX_CODE_LENGTH),
    message: clip(messageOf(thrown)),
    // What names no code is taken for a passing fault, and so is what the system refused (ECONNREFUSED, EAGAIN); whoever
    // else names a code means it.
    retryable:
      typeof facts['retryable'] === 'boolean'
        ? facts['retryable']
        : !ours && (code === 'HANDLER' || typeof facts['syscall'] === 'string'),
    outcome: outcomeOf(facts['outcome'], 'failed'),
    ...(details !== undefined && { details }),
    ...(invalid && { issues: issuesOf(issues), side }),
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
    ...(typeof name === 'string' && { name: name.slice(0, MAX_CODE_LENGTH) }),
  };
}

/**
 * The error that an error envelope's body stands for: of the class its code belongs to, else an `ActorError`. Any
 * body, a hostile one included, gives an error.
 */
export function fromWireError(body: unknown): HomeostatError {
  const fields: Fields = isObject(body) ? body : {};
  const code = fields['code'];
  if (typeof code !== 'string' || code === '') {
    return new HandlerError('the other side answered with an error that cannot be read', {
      retryable: false,
      outcome: 'unknown',
    });
  }
  const message = fields['message'];
  const retryAfterMs = fields['retryAfterMs'];
  const facts = {
    retryable: fields['retryable'] === true,
    outcome: outcomeOf(fields['outcome'], 'unknown'),
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
  };
  const text = clip(typeof message === 'string' ? message : '');
  const side = SIDES[code];
  if (side !== undefined) {
    const issues = issuesOf(fields['issues']);
    const invalid = rebuild(ValidationError, code, text, { ...facts, details: { side, issues } });
    return Object.assign(invalid, { side, issues });
  }
  const known = Object.hasOwn(CLASSES, code) ? CLASSES[code] : undefined;
  const error = rebuild(known ?? ActorError, code.slice(0, MAX_CODE_LENGTH), text, {
    ...facts,
    details: fields['details'],
  });
  return known === FrameInvalid ? Object.assign(error, { reason: 'remote' }) : error;
}

type Fields = Record<string, unknown>;
// oxlint-disable-next-line typescript/no-explicit-any -- constructors of all shapes; only the prototype is used
type ErrorClass = Function & { readonly prototype: HomeostatError };

const SIDES: Readonly<Record<string, 'input' | 'output' | undefined>> = Object.assign(Object.create(null), {
  VALIDATION: 'input',
  OUTPUT_INVALID: 'output',
});

const CLASSES: Readonly<Record<string, ErrorClass>> = {
  ALERT_NOT_FOUND: AlertNotFound,
  ABORTED: Aborted,
  BACKEND_FULL: BackendFull,
  CALL_CYCLE: CallCycle,
  CALL_TIMEOUT: CallTimeout,
  CHECK_FAILED: CheckFailed,
  CIRCUIT_OPEN: CircuitOpen,
  CLAIMED_BODY_GONE: ClaimedBodyGone,
  CONFIG: ConfigError,
  FRAME_INVALID: FrameInvalid,
  HANDLER: HandlerError,
  HANDLER_TIMEOUT: HandlerTimeout,
  KEY_REQUIRED: KeyRequired,
  LAYOUT_MISMATCH: LayoutMismatch,
  LIMIT_REACHED: LimitReached,
  MAILBOX_FULL: MailboxFull,
  METHOD_NOT_FOUND: MethodNotFound,
  NODE_CLOSED: NodeClosed,
  NOT_MEMBER: NotMember,
  NO_HEALTHY_INSTANCES: NoHealthyInstances,
  OVERLOADED: Overloaded,
  PAYLOAD_TOO_LARGE: PayloadTooLarge,
  RESTART_REQUIRED: RestartRequired,
  RETRY_BUDGET_EXHAUSTED: RetryBudgetExhausted,
  REVISION_CONFLICT: RevisionConflict,
  SERIALIZATION: SerializationError,
  SERVICE_DISABLED: ServiceDisabled,
  SERVICE_NOT_FOUND: ServiceNotFound,
  STATE_INVALID: StateInvalid,
  STREAM_BROKEN: StreamBroken,
  TRANSPORT: TransportError,
  WORKER: WorkerError,
};

/** An instance of `errorClass` with these facts, past its constructor: that would write another message. */
function rebuild(errorClass: ErrorClass, code: string, message: string, facts: object): HomeostatError {
  return Reflect.construct(HomeostatError, [code, message, facts], errorClass) as HomeostatError;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function outcomeOf(value: unknown, fallback: Outcome): Outcome {
  return value === 'not-executed' || value === 'failed' || value === 'unknown' ? value : fallback;
}

function issuesOf(value: unknown): Issue[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_ISSUES).map((item: unknown) => {
    const issue: Fields = isObject(item) ? item : {};
    const path: unknown[] = Array.isArray(issue['path']) ? issue['path'] : [];
    return {
      path: path.map((step) => (typeof step === 'number' ? step : String(step))),
      message: typeof issue['message'] === 'string' ? clip(issue['message']) : '',
    };
  });
}

function clip(text: string): string {
  return text.length <= MAX_MESSAGE_LENGTH ? text : `${text.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}
