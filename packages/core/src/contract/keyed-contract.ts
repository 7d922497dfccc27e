/** What a contract may not say of itself where its actor is keyed. */
import { ConfigError } from '../ground/errors.ts';
import type { Contract, MethodSpec } from './contract.ts';

/** @throws ConfigError naming what does not go together with order by key. */
export function refuseUnkeyable({ name, priorities, fair, methods }: Contract): void {
  if (priorities === true)
    refuse(
      name,
      'priorities',
      'the order of a key leaves nothing for what is urgent to overtake: leave it out, or serve what is urgent by an actor of its own',
    );
  if (fair !== undefined) refuse(name, 'fair', 'keys of a keyed actor take turns already: leave it out');
  for (const [method, spec] of Object.entries(methods)) refuseMethod(name, `methods.${method}`, spec);
}

function refuseMethod(name: string, path: string, { yields, delivery }: MethodSpec): void {
  if (yields !== undefined)
    refuse(
      name,
      `${path}.yields`,
      'a stream would block its key for as long as it is read: answer in pages by output, or stream from an actor that is not keyed',
    );
  if (delivery === 'at-most-once')
    refuse(
      name,
      `${path}.delivery`,
      "'at-most-once' takes a message out before it runs, but order and state hold over a crash only while it stays until it has ended: leave it out and give its requests an id",
    );
}

function refuse(name: string, path: string, why: string): never {
  throw new ConfigError(`actor ${name}: its contract says ${path}, which options.keyed does not go with: ${why}`);
}
