/**
 * What a failure of Redis or of the way to it means. Messages are made of known words only: what ioredis throws carries
 * the command's arguments, and what Redis answers may repeat them.
 */
import { BackendFull, HomeostatError, TransportError } from './core.ts';

type Outcome = HomeostatError['outcome'];

interface Meaning {
  readonly text: string;
  readonly outcome: Outcome;
  readonly retryable: boolean;
}

const refused = (text: string): Meaning => ({ text, outcome: 'not-executed', retryable: true });
const forbidden = (text: string): Meaning => ({ text, outcome: 'not-executed', retryable: false });

/** First word of an error reply → what it means. */
const REPLIES: Readonly<Record<string, Meaning>> = {
  LOADING: refused('Redis is loading its data'),
  READONLY: refused('this Redis is a read-only replica'),
  MASTERDOWN: refused('this replica has lost its master'),
  NOREPLICAS: refused('Redis has too few replicas to accept writes (min-replicas-to-write)'),
  MISCONF: refused('Redis cannot persist and accepts no writes (MISCONF)'),
  BUSY: refused('Redis is busy with a script'),
  TRYAGAIN: refused('the slot is being moved (TRYAGAIN)'),
  CLUSTERDOWN: refused('the cluster is down'),
  MOVED: forbidden('this server is part of a Redis Cluster (MOVED), which needs a connection to each of its nodes'),
  ASK: refused('the slot is being moved (ASK)'),
  UNBLOCKED: refused('the read was ended by the server'),
  NOGROUP: refused('the consumer group is gone'),
  EXECABORT: refused('the transaction was refused'),
  NOSCRIPT: refused('the script is not loaded'),
  NOPERM: forbidden('the Redis user may not do this (NOPERM): check its ACL'),
  NOAUTH: forbidden('Redis asks for a password (NOAUTH)'),
  WRONGPASS: forbidden('Redis refuses the user name or password (WRONGPASS)'),
  WRONGTYPE: forbidden('a key of this namespace holds another type (WRONGTYPE)'),
};

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
  'ENOENT',
  'EACCES',
]);

/** The first word of an error reply, `''` for anything else. */
export function replyCode(error: unknown): string {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return '';
  const code = /^[A-Z]+/.exec(error.message)?.[0] ?? '';
  // A script's own errors are reported as `ERR ...` or with the inner code first, depending on the version.
  if (code !== 'ERR') return code;
  return /\b(WRONGTYPE|OOM|READONLY|NOPERM|NOREPLICAS|MISCONF)\b/.exec(error.message)?.[1] ?? 'ERR';
}

/** An error of the port for anything thrown on the way; errors of ours pass. `subject` says what was asked. */
export function transportError(subject: string, error: unknown): HomeostatError {
  if (error instanceof HomeostatError) return error;
  const code = replyCode(error);
  if (code === 'OOM')
    return new BackendFull(`${subject}: Redis has no memory left (maxmemory). Raise it, or let the mailboxes drain.`);
  const meaning = REPLIES[code];
  if (meaning !== undefined) {
    return new TransportError(`${subject}: ${meaning.text}`, {
      outcome: meaning.outcome,
      retryable: meaning.retryable,
    });
  }
  if (code !== '') return new TransportError(`${subject}: Redis answered ${code}`);
  return new TransportError(`${subject}: ${describeBreak(error)}`);
}

/** Nothing was sent: there is no connection now. */
export function notConnected(subject: string, address: string, closed = false): TransportError {
  const why = closed ? 'this node is closed' : `no connection to Redis at ${address}`;
  return new TransportError(`${subject}: ${why}`, { outcome: 'not-executed' });
}

/** A network failure in known words. */
export function describeBreak(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  if (typeof code === 'string' && NETWORK.has(code)) return code;
  const reply = replyCode(error);
  if (reply !== '') return REPLIES[reply]?.text ?? `Redis answered ${reply}`;
  const message = error instanceof Error ? error.message : '';
  if (message.startsWith('Socket timeout')) return 'no answer in time';
  if (message.startsWith('connect ETIMEDOUT')) return 'ETIMEDOUT';
  return 'the connection was lost before the answer came';
}
