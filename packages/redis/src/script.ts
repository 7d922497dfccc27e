/** Runs a script by its digest; a server that does not know it (restart, failover, SCRIPT FLUSH) is sent the text, once. */
import type { Argument, Connection } from './connection.ts';
import { replyCode, transportError } from './errors.ts';
import { scripts, type ScriptName } from './scripts.ts';

export async function run<T>(
  connection: Connection,
  name: ScriptName,
  keys: readonly string[],
  args: readonly Argument[],
  binary = false,
): Promise<T> {
  const script = scripts[name];
  const rest = [keys.length, ...keys, ...args];
  const send = (verb: string, first: string): Promise<T> =>
    binary ? connection.send<T>(verb, [first, ...rest]) : connection.sendText<T>(verb, [first, ...rest]);
  try {
    return await send('evalsha', script.sha);
  } catch (error) {
    const code = replyCode(error);
    // Demoted to a replica: whoever resolves the address again finds the new master.
    if (code === 'READONLY') connection.reset();
    if (code !== 'NOSCRIPT') throw transportError(name, error);
  }
  try {
    return await send('eval', script.lua);
  } catch (error) {
    throw transportError(name, error);
  }
}

/** As `run`, but the text is sent in any case: it is carried out though nobody here may be there to answer that it is not known. */
export async function runText<T>(
  connection: Connection,
  name: ScriptName,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<T> {
  try {
    return await connection.sendText<T>('eval', [scripts[name].lua, keys.length, ...keys, ...args]);
  } catch (error) {
    if (replyCode(error) === 'READONLY') connection.reset();
    throw transportError(name, error);
  }
}
