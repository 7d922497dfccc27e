/** The worker's side of the thread pool: load the actor's module once, then decode → handle → encode, job by job. */
import { workerData, type MessagePort } from 'node:worker_threads';
import { isActor, type Actor } from '../../contract/actor.ts';
import { toWireError, type WireError } from '../../wire/envelope.ts';
import { ConfigError, MethodNotFound } from '../../ground/errors.ts';
import { encodeBody, readBody } from '../../wire/frame.ts';
import { failureOf, handle, handlings, type Handling } from '../handle.ts';
import type { Log } from '../../ground/log.ts';
import { PING } from '../../calling/ping.ts';
import { ThreadContext } from './thread-context.ts';
import {
  Cell,
  type Answer,
  type JobTask,
  type LoadResult,
  type LoadTask,
  type Served,
  type ServedMethod,
  type ThreadData,
} from './thread-link.ts';
import { postingLog } from './thread-log.ts';

const { module, cells, perThread, maxBodyBytes, logLevel } = workerData as ThreadData;
const running = new Set<ThreadContext>();
/** Jobs that wait for room in this thread. */
const waiting: JobTask[] = [];
let port: MessagePort;
let actor: Actor;
let methods: ReadonlyMap<string, Handling>;
let log: Log;

/** The one task that piscina gives to a thread: loads the module and listens for jobs on the port. Never rejects. */
export default async function load(task: LoadTask): Promise<LoadResult> {
  port = task.port;
  log = postingLog(port, logLevel);
  try {
    const loaded = (await import(module)) as { readonly default?: unknown };
    if (!isActor(loaded.default))
      throw new ConfigError(
        `the default export of ${module} must be an actor: export default actor(contract, handlers)`,
      );
    actor = loaded.default;
    methods = handlings(actor);
  } catch (thrown) {
    return { error: encodeError(toWireError(thrown)) };
  }
  port.on('message', (message: JobTask | null) => {
    if (message === null) for (const context of running) context.heed();
    else if (running.size < perThread) start(message);
    else waiting.push(message);
  });
  return { served: served(actor) };
}

function served({ contract, policy }: Actor): Served {
  const { name, version, mailbox } = contract;
  const plain: Record<string, ServedMethod> = {};
  for (const [method, { kind = 'command', timeoutMs }] of Object.entries(contract.methods)) {
    plain[method] = { kind, ...(timeoutMs !== undefined && { timeoutMs }) };
  }
  return { name, version, mailbox, methods: plain, policy };
}

function start(task: JobTask): void {
  const [slot, method, body] = task;
  if (Atomics.compareExchange(cells, slot, Cell.posted, Cell.started) !== Cell.posted) {
    port.postMessage([slot, true, undefined] satisfies Answer);
    return;
  }
  const context = new ThreadContext(task, cells, log);
  running.add(context);
  if (method === PING) {
    succeed(context, slot, undefined);
    return;
  }
  try {
    const handling = methods.get(method);
    if (handling === undefined) throw new MethodNotFound(actor.contract.mailbox, method);
    const value = handle(handling, body && readBody(body, 0, body.byteLength), context);
    if (value instanceof Promise) {
      value.then(
        (settled: unknown) => succeed(context, slot, settled),
        (thrown: unknown) => fail(context, slot, failureOf(thrown)),
      );
    } else succeed(context, slot, value);
  } catch (thrown) {
    fail(context, slot, failureOf(thrown));
  }
}

function succeed(context: ThreadContext, slot: number, value: unknown): void {
  let bytes: Uint8Array | undefined;
  try {
    bytes = encodeBody(value, maxBodyBytes);
  } catch (thrown) {
    // The handler has run: what cannot be encoded is its failure, whatever the encoder says of itself.
    fail(context, slot, { ...toWireError(thrown), outcome: 'failed' });
    return;
  }
  end(context, [slot, true, bytes]);
}

function fail(context: ThreadContext, slot: number, error: WireError): void {
  end(context, [slot, false, encodeError(error)]);
}

function end(context: ThreadContext, answer: Answer): void {
  context.end();
  running.delete(context);
  const bytes = answer[2];
  if (bytes === undefined) port.postMessage(answer);
  else port.postMessage(answer, [bytes.buffer as ArrayBuffer]);
  while (waiting.length > 0 && running.size < perThread) start(waiting.shift()!);
}

/** Encoded, because the details of an error may hold what no thread can post. */
function encodeError(error: WireError): Uint8Array {
  try {
    return encodeBody(error, maxBodyBytes)!;
  } catch {
    const { details: _details, issues: _issues, ...plain } = error;
    return encodeBody(plain, maxBodyBytes)!;
  }
}
