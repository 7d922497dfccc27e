/** parse → run → check: the part of a message's road that is the same on the node's own thread and in a worker thread. */
import type { Actor, Context, Handler } from '../contract/actor.ts';
import type { MethodSpec } from '../contract/contract.ts';
import { toWireError, type WireError } from '../wire/envelope.ts';
import { validate } from '../contract/validate.ts';

/** One method of an actor, with what handling it needs at hand. */
export interface Handling {
  readonly subject: string;
  readonly spec: MethodSpec;
  readonly handler: Handler<MethodSpec>;
}

/** Every method of an actor by name. */
export function handlings(actor: Actor): ReadonlyMap<string, Handling> {
  return new Map(
    Object.entries(actor.contract.methods).map(([method, spec]) => [
      method,
      { subject: `${actor.contract.name}.${method}`, spec, handler: actor.handlers[method] as Handler<MethodSpec> },
    ]),
  );
}

/**
 * Parses the input, runs the handler, parses its result. Answers at once when schema and handler do, with a promise
 * when one of them does; throws or rejects with what they throw.
 * @throws ValidationError side `input` (the handler has not run) or `output` (it has).
 */
export function handle(handling: Handling, body: unknown, ctx: Context): unknown {
  const input = validate(handling.spec.input, body, 'input', handling.subject, 'not-executed');
  return input instanceof Promise ? input.then((parsed) => run(handling, parsed, ctx)) : run(handling, input, ctx);
}

function run(handling: Handling, input: unknown, ctx: Context): unknown {
  let result: unknown;
  try {
    result = handling.handler(input as never, ctx);
  } catch (thrown) {
    throw new Escaped(thrown);
  }
  return isThenable(result)
    ? Promise.resolve(result).then((value) => checked(handling, value), escaped)
    : checked(handling, result);
}

function checked(handling: Handling, value: unknown): unknown {
  return validate(handling.spec.output, value, 'output', handling.subject, 'failed');
}

/** Something that left a handler: whatever it says of a nested call, this handler has run. */
export class Escaped {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    this.thrown = thrown;
  }
}

function escaped(thrown: unknown): never {
  throw new Escaped(thrown);
}

/** What the caller is told of whatever `handle` threw or rejected with. */
export function failureOf(thrown: unknown): WireError {
  return thrown instanceof Escaped ? { ...toWireError(thrown.thrown), outcome: 'failed' } : toWireError(thrown);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
