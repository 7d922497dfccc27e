/** Joins as a node for a moment: it serves nothing, and declares nobody dead. */
import { hostname, userInfo } from 'node:os';
import type { Log } from '@homeostat/core';
import { createNode } from '../create-node.ts';
import type { Session } from './verb.ts';

export interface Target {
  readonly redis: string;
  readonly namespace: string;
  readonly lanes: number;
  /** Log as nodes do, on stderr at `LOG_LEVEL`; otherwise silently. */
  readonly logs: boolean;
}

/** How long the address may take to be reached, ms. */
const CONNECT_MS = 3_000;
/** Nobody who works for a moment can tell how long the others may be silent; others may expect quick beats of it, ms. */
const BEAT = { intervalMs: 200, ttlMs: 600_000 } as const;

/** What histories keep, characters. */
const MAX_PERSON = 200;

const nothing = (): void => undefined;
const quiet: Log = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: (() => quiet) as unknown as Log['child'],
};

export async function openSession(target: Target): Promise<Pick<Session, 'node' | 'namespace' | 'by'>> {
  const { redis, namespace, lanes, logs } = target;
  const node = await createNode({
    redis: { url: redis, lanes, beatThread: false, connection: { connectTimeout: CONNECT_MS } },
    name: 'cli',
    namespace,
    signals: false,
    beat: BEAT,
    // What hurts is for those to say who stay.
    alerts: { sources: false },
    ...(logs ? undefined : { log: quiet }),
  });
  return { node, namespace, by: person() };
}

/** `ada@host`, for histories. */
function person(): string {
  let name = 'cli';
  try {
    name = userInfo().username;
  } catch {
    // A user without an entry, as in some containers.
  }
  return `${name}@${hostname()}`.slice(0, MAX_PERSON);
}
