/** A health check that asks something outside by HTTP. */
import type { CheckFn } from '@homeostat/core';
import { describe, targetOf } from './http-target.ts';

export interface HttpProbeOptions {
  /** Answers that are well; any other is not. Default 200 and 204. */
  readonly expectedStatus?: readonly number[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const EXPECTED_STATUS: readonly number[] = [200, 204];

/**
 * Answers a check that sends a GET to `url`: healthy where the status is expected, unhealthy with the reason where it is
 * another, where the server cannot be reached, and where no answer comes while the check waits. Redirects are not
 * followed. User and password of the URL are sent as basic authorization; no reason names them, nor the query.
 */
export function httpProbe(url: string | URL, options: HttpProbeOptions = {}): CheckFn {
  const { expectedStatus = EXPECTED_STATUS } = options;
  const { target, authorization } = targetOf(url);
  const headers = { ...authorization, ...options.headers };
  const subject = `GET ${target.origin}${target.pathname}`;
  return async (signal) => {
    const failed = (reason: string) => ({ status: 'unhealthy', reason: `${subject}: ${reason}` }) as const;
    try {
      const response = await fetch(target, { headers, signal, redirect: 'manual' });
      await response.body?.cancel();
      return expectedStatus.includes(response.status) ? 'healthy' : failed(`status ${response.status}`);
    } catch (thrown) {
      return failed(signal.aborted ? 'no answer in time' : describe(thrown));
    }
  };
}
