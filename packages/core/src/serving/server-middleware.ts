/** Puts middleware around the handling of a delivery. */
import type { Delivery } from './delivery.ts';
import { Aborted } from '../ground/errors.ts';
import { Escaped } from './handle.ts';
import { through, type ServerMiddleware } from '../calling/middleware.ts';

/**
 * Handles a delivery through middleware; `handle` is what happens without. Rejects with what `failureOf` understands.
 * @param actor the name of the actor.
 */
export async function handleThrough(
  stack: readonly ServerMiddleware[],
  actor: string,
  delivery: Delivery,
  input: unknown,
  handle: (input: unknown) => unknown,
): Promise<unknown> {
  let escaped: Escaped | undefined;
  try {
    return await through(stack, { actor, method: delivery.method, ctx: delivery, input }, async (request) => {
      if (delivery.aborted) throw new Aborted(`${actor}.${delivery.method}`, undefined, 'not-executed');
      try {
        return await handle(request.input);
      } catch (thrown) {
        if (!(thrown instanceof Escaped)) throw thrown;
        escaped = thrown;
        throw thrown.thrown;
      }
    });
  } catch (thrown) {
    throw escaped !== undefined && Object.is(escaped.thrown, thrown) ? escaped : thrown;
  }
}
