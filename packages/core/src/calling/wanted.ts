/** Whether anybody wants a request at all. */
import { Aborted, type HomeostatError } from '../ground/errors.ts';
import { endedWith, type Scope } from '../ground/scope.ts';

/** @throws Aborted, `not-executed`, where the caller's signal or the work on whose behalf it asks has aborted already. */
export function refuseAborted(signal: AbortSignal | undefined, scope: Scope | undefined, subject: string): void {
  if (signal?.aborted === true) throw new Aborted(subject, signal.reason, 'not-executed');
  if (scope?.gaveUp !== undefined) throw new Aborted(subject, scope.gaveUp, 'not-executed');
}

/** What the answer comes to; its end at once when the work is given up, whatever the request waits for then. */
export function whileWanted(
  answered: Promise<unknown>,
  scope: Scope,
  subject: string,
  elapsed: () => number,
): Promise<unknown> {
  const startedAt = elapsed();
  return new Promise((resolve, reject) => {
    const givenUp = (reason: HomeostatError): void => reject(endedWith(reason, subject, elapsed() - startedAt));
    scope.follow(givenUp);
    const end = (): void => scope.unfollow(givenUp);
    answered.then(
      (value) => {
        end();
        resolve(value);
      },
      (thrown: unknown) => {
        end();
        reject(thrown);
      },
    );
  });
}
