import { actor, type Actor, type Context, type Handler, type Handlers } from '../contract/actor.ts';
import type { Contract, HandlerResult, MethodSpec, MethodSpecs, ParsedInput } from '../contract/contract.ts';
import { ConfigError } from '../ground/errors.ts';
import type { ActorOptions } from '../node/options.ts';

/** For each method a handler, or the value that is its answer. Methods may be left out. */
export type MockImplementations<Methods extends MethodSpecs> = {
  readonly [Name in keyof Methods]?: Handler<Methods[Name]> | HandlerResult<Methods[Name]>;
};

/** What a handler was asked: the input after parsing, and what was known of the message. */
export interface MockCall<M extends MethodSpec = MethodSpec> {
  readonly input: ParsedInput<M>;
  readonly ctx: Pick<Context, 'attempt' | 'caller' | 'deadline' | 'headers' | 'id' | 'key' | 'messageId' | 'method'>;
}

export interface MockActor<Methods extends MethodSpecs = MethodSpecs> extends Actor<Methods> {
  /** By method, in the order of their start; a redelivery is a call of its own. */
  readonly calls: { readonly [Name in keyof Methods]: readonly MockCall<Methods[Name]>[] };
  /** Forgets the calls. */
  reset(): void;
}

/**
 * An actor for tests: served like any other, it parses inputs and answers as its contract says, and remembers what it was
 * asked. A call of a method without an implementation fails with `CONFIG`, naming the method.
 * @throws ConfigError for an implementation of what is not in the contract, and for a wrong option.
 */
export function mockActor<Methods extends MethodSpecs>(
  contract: Contract<Methods>,
  implementations: MockImplementations<Methods> = {},
  options?: ActorOptions,
): MockActor<Methods> {
  const methods = Object.keys(contract.methods);
  const strange = Object.keys(implementations).find((method) => !methods.includes(method));
  if (strange !== undefined) throw new ConfigError(`mockActor ${contract.name}: ${strange} is not in the contract`);
  const calls = Object.fromEntries(methods.map((method): [string, MockCall[]] => [method, []]));
  const handlers = Object.fromEntries(
    methods.map((method) => {
      const answer = answerOf(contract, method, implementations);
      const handler: Handler<MethodSpec> = (input, ctx) => {
        calls[method]!.push({ input, ctx: factsOf(ctx) });
        return answer(input, ctx);
      };
      return [method, handler];
    }),
  );
  return Object.freeze({
    ...actor(contract, handlers as unknown as Handlers<Methods>, options),
    calls: Object.freeze(calls) as unknown as MockActor<Methods>['calls'],
    reset: () => {
      for (const list of Object.values(calls)) list.length = 0;
    },
  });
}

function answerOf(contract: Contract, method: string, implementations: object): Handler<MethodSpec> {
  if (!Object.hasOwn(implementations, method)) {
    return () => {
      throw new ConfigError(`mockActor ${contract.name}: ${method} was called, and has no implementation`);
    };
  }
  const given = (implementations as Record<string, unknown>)[method];
  return typeof given === 'function' ? (given as Handler<MethodSpec>) : () => given as undefined;
}

function factsOf({ attempt, caller, deadline, headers, id, key, messageId, method }: Context): MockCall['ctx'] {
  return { attempt, caller, deadline, headers, id, key, messageId, method };
}
