import type { Contract } from '../contract/contract.ts';
import { asHomeostatError, CallTimeout } from '../ground/errors.ts';
import type { CallPolicy } from '../policies/call-policy.ts';
import type { Request } from '../resilience/request.ts';
import type { Incoming } from '../streaming/incoming.ts';
import type { Calling } from './calling.ts';
import { extrasOf, withClaim } from './extras-of.ts';
import { refuseAborted } from './wanted.ts';

/**
 * Asks for a stream; resolves when its first item, or its end, is there. So a stream that does not begin is a call that
 * failed: it may be tried again, and the breaker counts it.
 * @param line of its mailbox; undefined: there is but one.
 */
export function openStream(
  calling: Calling,
  contract: Contract,
  policy: CallPolicy,
  request: Request,
  line: string | undefined,
): Promise<Incoming> {
  const { sending, routing, sendHooks, streams, claimCheck } = calling;
  const { subject, service, method, input, deadline, signal, scope, atMostOnce, stream: terms } = request;
  if (terms === undefined) throw new TypeError(`${subject} is no stream`);
  if (deadline - sending.now() <= 0) throw new CallTimeout(subject, 0, 'not-executed');
  refuseAborted(signal, scope, subject);
  refuseAborted(undefined, terms.asking, subject);
  for (const hook of sendHooks) hook(request);
  const { mailbox, target } = routing.routeStream(contract, policy, request.wish, request.key, sending.memberId);
  const outbox = sending.open(line ?? mailbox, subject, target);
  return new Promise((opened, refused) => {
    const over = target === undefined ? (): void => undefined : routing.started(service, target);
    const { stream, correlation } = streams.open({ subject, mailbox, terms, over, opened, refused });
    const extras = extrasOf(request);
    try {
      claimCheck.send(input, policy.claimCheck, stream, 0, (body, claim, most) =>
        outbox.call(method, body, correlation, deadline, withClaim(extras, claim), stream, atMostOnce, most),
      );
    } catch (thrown) {
      stream.fail(asHomeostatError(thrown));
      return;
    }
    if (signal !== undefined) stream.follow(signal);
    if (scope !== undefined) stream.within(scope);
    stream.within(terms.asking);
  });
}
