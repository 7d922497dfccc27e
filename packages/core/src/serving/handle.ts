/** parse → run → check: the part of a message's road that is the same on the node's own thread and in a worker thread. */
import type { Actor, Context, Handler } from '../contract/actor.ts';
import type { MethodSpec } from '../contract/contract.ts';
import { misfit } from './declared.ts';
import { toWireError, type WireError } from '../wire/envelope.ts';
import { validate } from '../contract/validate.ts';

/** One method of an actor, with what handling it needs at hand. */
export interface Handling {
  readonly subject: string;
  readonly spec: MethodSpec;
  readonly handler: Handler<MethodSpec>;
  /** Throws what left the handler, or rejects with it. */
  readonly escaped: (thrown: unknown) => unknown;
}

/** Every method of an actor by name. */
export function handlings(actor: Actor): ReadonlyMap<string, Handling> {
  return new Map(
    Object.entries(actor.contract.methods).map(([method, spec]) => {
      const subject = `${actor.contract.name}.${method}`;
      const handler = actor.handlers[method] as Handler<MethodSpec>;
      return [method, { subject, spec, handler, escaped: (thrown) => escaped({ spec, subject }, thrown) }];
    }),
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
    return handling.escaped(thrown);
  }
  return isThenable(result)
    ? Promise.resolve(result).then((value) => checked(handling, value), handling.escaped)
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

function escaped({ spec, subject }: Pick<Handling, 'spec' | 'subject'>, thrown: unknown): unknown {
  const wrong = misfit(spec.errors, subject, thrown);
  return wrong instanceof Promise ? wrong.then((found) => escape(found ?? thrown)) : escape(wrong ?? thrown);
}

function escape(thrown: unknown): never {
  throw new Escaped(thrown);
}

/** What the caller is told of whatever `handle` threw or rejected with. */
export function failureOf(thrown: unknown): WireError {
  return thrown instanceof Escaped ? { ...toWireError(thrown.thrown), outcome: 'failed' } : toWireError(thrown);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
