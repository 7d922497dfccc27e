/** A sink that runs a program for each notice. */
import { spawn, type ChildProcess } from 'node:child_process';
import { basename } from 'node:path';
import { HandlerError, type AlertSink } from '@homeostat/core';
import { z } from 'zod';
import { sinkMessage } from './message.ts';
import { markOf, milliseconds, parseOptions, sinkName, words } from './options.ts';

export interface CommandOptions {
  /** A path, or a name that is looked for in `PATH`. No shell reads it. */
  readonly file: string;
  readonly args?: readonly string[] | undefined;
  /** It may run this long, ms; then it is ended. Default 30 s. */
  readonly timeoutMs?: number | undefined;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Of its group. Default: made of file and arguments. */
  readonly name?: string | undefined;
  /** Somebody reads it: beyond the flood limit of the policy notices come as digests. Default true. */
  readonly human?: boolean | undefined;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Between SIGTERM and SIGKILL, ms. */
const GRACE_MS = 1_000;
/** What it said last, in the error, characters. */
const MAX_SAID = 2_000;

const optionsSchema = z.strictObject({
  file: z.string().min(1),
  args: z.array(z.string()).default([]),
  timeoutMs: milliseconds.default(DEFAULT_TIMEOUT_MS),
  env: words.default({}),
  name: sinkName,
  human: z.boolean().default(true),
});

/**
 * Runs the program with `{ alert, notice, digest, sentAt }` as JSON on its stdin. Exit code 0 is delivered; any other end
 * has failed, with the last 2,000 characters of its stderr. Its stdout is not read.
 * @throws ConfigError naming a wrong option.
 */
export function command(options: CommandOptions): AlertSink {
  const parsed = parseOptions(optionsSchema, options, 'command');
  const { file, args, timeoutMs, env, human } = parsed;
  const name = parsed.name ?? `command ${basename(file).slice(0, 80)} ${markOf(file, ...args)}`;
  return {
    name,
    human,
    handle: async (alert, ctx) => {
      const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'ignore', 'pipe'] });
      const said = lastOf(child);
      // One that ends without reading has said what it thinks of it by its exit code.
      child.stdin.on('error', () => {});
      child.stdin.end(sinkMessage(alert, ctx));
      const end = await endOf(child, timeoutMs, ctx.signal);
      if (end !== undefined) throw new HandlerError(`${name}: ${[end, said().trim()].filter(Boolean).join(': ')}`);
    },
  };
}

/** Undefined: it ended well. */
function endOf(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    let why: string | undefined;
    let killTimer: NodeJS.Timeout | undefined;
    const stop = (reason: string): void => {
      why ??= reason;
      child.kill('SIGTERM');
      killTimer ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    };
    const abort = (): void => stop('aborted');
    const timer = setTimeout(() => stop(`still running after ${timeoutMs} ms`), timeoutMs);
    const ended = (reason: string | undefined): void => {
      clearTimeout(timer);
      clearTimeout(killTimer);
      signal.removeEventListener('abort', abort);
      why ??= reason;
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      ended(error.code ?? error.message);
      resolve(why);
    });
    child.once('exit', (code, by) => {
      ended(code === 0 ? undefined : code === null ? `ended by ${by}` : `exit code ${code}`);
      // What it said last may still be on its way; a child of its own may keep the pipe open for ever.
      const closeTimer = setTimeout(() => child.stderr?.destroy(), GRACE_MS);
      child.once('close', () => {
        clearTimeout(closeTimer);
        resolve(why);
      });
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** Answers what it said last on stderr. */
function lastOf(child: ChildProcess): () => string {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MAX_SAID);
  });
  return () => said;
}
