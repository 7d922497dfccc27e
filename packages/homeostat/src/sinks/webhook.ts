/** A sink that posts each notice to a URL. */
import { setTimeout as pause } from 'node:timers/promises';
import { HandlerError, type AlertSink } from '@homeostat/core';
import { z } from 'zod';
import { describe, targetOf } from '../http-target.ts';
import { sinkMessage } from './message.ts';
import { markOf, milliseconds, parseOptions, sinkName, words } from './options.ts';
import { sign, SIGNATURE_HEADER } from './signature.ts';

export interface WebhookOptions {
  /** `http:` or `https:`; user and password of it are sent as basic authorization. */
  readonly url: string | URL;
  /** Signs each request, see `verifyWebhook`. */
  readonly secret?: string | undefined;
  /** Of its group. Default: made of the URL, without what is secret in it. */
  readonly name?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** One request may take this long, ms. Default 5 s. */
  readonly timeoutMs?: number | undefined;
  /** Requests for one notice, until it has failed and is told again later. Default 3. */
  readonly attempts?: number | undefined;
  /** Before the second request, ms; doubles up to the next. Default 500. */
  readonly backoffMs?: number | undefined;
  /** Somebody reads it: beyond the flood limit of the policy notices come as digests. Default true. */
  readonly human?: boolean | undefined;
}

/** Names the notice: one that comes twice is the same one. */
const DELIVERY_HEADER = 'x-homeostat-delivery';

const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_ATTEMPTS = 3;
const DEFAULT_BACKOFF_MS = 500;
/** Answers that may be another when it is asked again; and all from 500 on. */
const TRY_AGAIN: readonly number[] = [408, 429];

const optionsSchema = z.strictObject({
  url: z.custom<string | URL>(isHttpUrl, 'must be a URL of http or https'),
  secret: z.string().min(1).optional(),
  name: sinkName,
  headers: words.refine(areHeaders, 'must be names and values of HTTP headers').default({}),
  timeoutMs: milliseconds.default(DEFAULT_TIMEOUT_MS),
  attempts: z.number().int().min(1).max(100).default(DEFAULT_ATTEMPTS),
  backoffMs: milliseconds.default(DEFAULT_BACKOFF_MS),
  human: z.boolean().default(true),
});

/** Why a request has not delivered. */
interface Failure {
  readonly reason: string;
  readonly again: boolean;
  /** What the server asks for, ms. */
  readonly afterMs: number;
}

/**
 * Posts `{ alert, notice, digest, sentAt }` as JSON, with `x-homeostat-delivery: <alert id>-<notice>` to know again what
 * comes twice and, where there is a secret, `x-homeostat-signature`. Any 2xx is delivered; 408, 429, 5xx and what fails on
 * the way is tried again, not sooner than a `Retry-After` asks, as far as `timeoutMs` allows; any other answer has failed.
 * Redirects are not followed. No error names more of the URL than its origin.
 * @throws ConfigError naming a wrong option.
 */
export function webhook(options: WebhookOptions): AlertSink {
  const parsed = parseOptions(optionsSchema, options, 'webhook');
  const { url, secret, headers: own, timeoutMs, attempts, backoffMs, human } = parsed;
  const { target, authorization } = targetOf(url);
  const name = parsed.name ?? `webhook ${target.host.slice(0, 80)} ${markOf(String(url))}`;

  const post = async (body: string, delivery: string, signal: AbortSignal): Promise<Failure | undefined> => {
    const headers = {
      'content-type': 'application/json',
      ...authorization,
      ...own,
      [DELIVERY_HEADER]: delivery,
      ...(secret !== undefined && { [SIGNATURE_HEADER]: sign(secret, body, Date.now()) }),
    };
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const request = { method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.any([signal, limit]) };
      const response = await fetch(target, request as RequestInit);
      await response.body?.cancel();
      return response.ok ? undefined : refused(response, timeoutMs);
    } catch (thrown) {
      const reason = limit.aborted ? `no answer within ${timeoutMs} ms` : describe(thrown);
      return { reason, again: !signal.aborted, afterMs: 0 };
    }
  };

  return {
    name,
    human,
    handle: async (alert, ctx) => {
      const body = sinkMessage(alert, ctx);
      for (let attempt = 1; ; attempt += 1) {
        const failure = await post(body, `${alert.id}-${ctx.notice.n}`, ctx.signal);
        if (failure === undefined) return;
        const { reason, again, afterMs } = failure;
        if (!again || attempt === attempts) throw new HandlerError(`POST ${target.origin}: ${reason}`);
        await pause(Math.max(afterMs, backoffMs * 2 ** (attempt - 1)), undefined, { signal: ctx.signal });
      }
    },
  };
}

function refused({ status, headers }: Response, mostMs: number): Failure {
  const again = status >= 500 || TRY_AGAIN.includes(status);
  return { reason: `status ${status}`, again, afterMs: Math.min(mostMs, retryAfterMs(headers.get('retry-after'))) };
}

/** Seconds, or a date; 0 where it is neither. */
function retryAfterMs(value: string | null): number {
  if (value === null) return 0;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

function isHttpUrl(value: unknown): boolean {
  if (typeof value !== 'string' && !(value instanceof URL)) return false;
  try {
    return /^https?:$/.test(targetOf(value).target.protocol);
  } catch {
    return false;
  }
}

function areHeaders(headers: Readonly<Record<string, string>>): boolean {
  try {
    return [...new Headers(headers)].length >= 0;
  } catch {
    return false;
  }
}
