/** What stands around every call: on the caller's side around the sending, on the serving side around the handler. */
import type { Context } from '../contract/actor.ts';
import { fromWireError, toWireError } from '../wire/envelope.ts';

/** Goes on to what is further in: with the same input, or with another one. */
export type Next = (...changed: [input?: unknown]) => Promise<unknown>;

/**
 * Stands around the handlers of a node, before the input is parsed. What it answers is what the caller gets: what `next`
 * answered (parsed already), or something in its place. What it throws is the caller's error, and without `next` no
 * handler runs.
 */
export type ServerMiddleware = (request: ServerRequest, next: Next) => unknown;

export interface ServerRequest {
  /** Name of the actor. */
  readonly actor: string;
  readonly method: string;
  readonly ctx: Context;
  /** As it arrived: not parsed yet. */
  readonly input: unknown;
}

/** Stands around the calls of a client, outside of retries, breaker and cache: once per call, however often it is tried. */
export type ClientMiddleware = (request: ClientRequest, next: Next) => unknown;

export interface ClientRequest {
  /** Name of the contract. */
  readonly service: string;
  readonly method: string;
  readonly input: unknown;
  /** Travel with the call; a middleware may add to them. */
  readonly headers: Record<string, string>;
}

type Middleware<Request> = (request: Request, next: Next) => unknown;

/**
 * Sends a request through middleware, outermost first, and then to `last`. An error that begins in a middleware says in
 * its message in which; its code and everything else stay as they are.
 */
export async function through<Request extends { readonly input: unknown }>(
  stack: readonly Middleware<Request>[],
  request: Request,
  last: (request: Request) => unknown,
  position = 0,
): Promise<unknown> {
  const middleware = stack[position];
  if (middleware === undefined) return await last(request);
  let entered = false;
  let passing: { readonly thrown: unknown } | undefined;
  const next: Next = async (...changed) => {
    entered = true;
    const inner = changed.length === 0 ? request : { ...request, input: changed[0] };
    try {
      return await through(stack, inner, last, position + 1);
    } catch (thrown) {
      passing = { thrown };
      throw thrown;
    }
  };
  try {
    return await middleware(request, next);
  } catch (thrown) {
    if (passing !== undefined && Object.is(passing.thrown, thrown)) throw thrown;
    throw ownError(middleware.name || `#${position + 1}`, thrown, entered);
  }
}

function ownError(name: string, thrown: unknown, entered: boolean): Error {
  const told = toWireError(thrown);
  // What is further in may have run, whatever this error says of itself.
  const inside = told.outcome === 'not-executed' ? 'failed' : told.outcome;
  const error = fromWireError({
    ...told,
    message: `middleware ${name}: ${told.message}`,
    outcome: entered ? inside : 'not-executed',
  });
  return Object.assign(error, { cause: thrown });
}
