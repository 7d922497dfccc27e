/** One line per call, on either side or both. */
import { nanoid } from 'nanoid';
import { codeOf } from '../ground/errors.ts';
import { defaultLog, type Log } from '../ground/log.ts';
import type { ClientMiddleware, Next, ServerMiddleware } from './middleware.ts';

/** Header that carries what the lines of both sides have in common. */
const CID_HEADER = 'homeostat-cid';

export interface LoggingOptions {
  /** Default: a pino logger at `LOG_LEVEL` on stderr. */
  readonly log?: Log | undefined;
  /** Whether lines hold input and answer too: they may be large, or nobody's business. Default false. */
  readonly payload?: boolean | undefined;
}

export interface Logging {
  readonly client: ClientMiddleware;
  readonly server: ServerMiddleware;
}

/**
 * Middleware that writes one pino line at level `info` per call: service, method, cid, ms and outcome (`ok`, or the code of
 * the error). `cid` is the same on both sides: the client's middleware makes it; without that it is the message's id.
 */
export function logging({ log = defaultLog(), payload = false }: LoggingOptions = {}): Logging {
  const line = async (facts: Line, next: Next): Promise<unknown> => {
    const startedAt = performance.now();
    const { input, ...common } = facts;
    const write = (outcome: string, answer: unknown): void => {
      const ms = Number((performance.now() - startedAt).toFixed(3));
      log.info({ ...common, ms, outcome, ...(payload && { input, answer }) }, 'call');
    };
    try {
      const answer = await next();
      write('ok', answer);
      return answer;
    } catch (thrown) {
      write(codeOf(thrown), undefined);
      throw thrown;
    }
  };
  return {
    client: function logging({ service, method, headers, input }, next) {
      const cid = (headers[CID_HEADER] ??= nanoid());
      return line({ evt: 'call', side: 'client', service, method, cid, input }, next);
    },
    server: function logging({ actor, method, ctx, input }, next) {
      const cid = ctx.headers[CID_HEADER] ?? ctx.messageId;
      return line({ evt: 'call', side: 'server', service: actor, method, cid, input }, next);
    },
  };
}

interface Line {
  readonly evt: 'call';
  readonly side: 'client' | 'server';
  readonly service: string;
  readonly method: string;
  readonly cid: string;
  readonly input: unknown;
}
