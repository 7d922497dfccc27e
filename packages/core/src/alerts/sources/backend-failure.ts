/** Which failures of the backend are pains of their own. Pure. */
import type { HomeostatError } from '../../ground/errors.ts';

/** It has no memory left; or it does not know this node, or does not let it do what it must. */
export type BackendFailure = 'full' | 'auth';

/** First words of what Redis answers, which stay in the message. */
const AUTH = /\b(NOAUTH|WRONGPASS|NOPERM)\b/;

export function backendFailureOf({ code, message }: HomeostatError): BackendFailure | undefined {
  if (code === 'BACKEND_FULL') return 'full';
  return code === 'TRANSPORT' && AUTH.test(message) ? 'auth' : undefined;
}
