/** The worker's side of the thread pool: load the actor's module once, then decode → handle → encode, job by job. */
import { workerData, type MessagePort } from 'node:worker_threads';
import { move } from 'piscina';
import { isActor, type Actor } from '../actor.ts';
import { toWireError, type WireError } from '../envelope.ts';
import { ConfigError, MethodNotFound } from '../errors.ts';
import { encodeBody, readBody } from '../frame.ts';
import { handle, handlings, type Handling } from '../handle.ts';
import type { Log } from '../log.ts';
import { ThreadContext } from './thread-context.ts';
import { Cell, NOTHING, REVOKED, type JobResult, type JobTask, type LoadResult, type LoadTask, type Served, type ServedMethod, type ThreadData } from './thread-link.ts';
import { postingLog } from './thread-log.ts';

/** A job that waits for room in this thread. */
interface Waiting {
  readonly task: JobTask;
  readonly resolve: (result: unknown) => void;
}

const { module, cells, perThread, maxBodyBytes, logLevel } = workerData as ThreadData;
const running = new Set<ThreadContext>();
const waiting: Waiting[] = [];
let actor: Actor;
let methods: ReadonlyMap<string, Handling>;
let log: Log;

/** What piscina calls with every task. Never throws and never rejects: an error is a result. */
export default function work(task: LoadTask | JobTask): unknown {
  if ('load' in task) return load(task.port);
  if (running.size < perThread) return start(task);
  return new Promise((resolve) => waiting.push({ task, resolve }));
}

async function load(port: MessagePort): Promise<LoadResult> {
  log = postingLog(port, logLevel);
  port.on('message', () => {
    for (const context of running) context.heed();
  });
  port.unref();
  try {
    const loaded = (await import(module)) as { readonly default?: unknown };
    if (!isActor(loaded.default)) throw new ConfigError(`the default export of ${module} must be an actor: export default actor(contract, handlers)`);
    actor = loaded.default;
    methods = handlings(actor);
    return { served: served(actor) };
  } catch (thrown) {
    return failure(toWireError(thrown));
  }
}

function served({ contract, policy }: Actor): Served {
  const { name, version, mailbox } = contract;
  const plain: Record<string, ServedMethod> = {};
  for (const [method, { kind = 'command', timeoutMs }] of Object.entries(contract.methods)) {
    plain[method] = { kind, ...(timeoutMs !== undefined && { timeoutMs }) };
  }
  return { name, version, mailbox, methods: plain, policy };
}

function start(task: JobTask): unknown {
  const [slot, method, body] = task;
  if (Atomics.compareExchange(cells, slot, Cell.posted, Cell.started) !== Cell.posted) return REVOKED;
  const context = new ThreadContext(task, cells, log);
  running.add(context);
  try {
    const handling = methods.get(method);
    if (handling === undefined) throw new MethodNotFound(actor.contract.mailbox, method);
    const value = handle(handling, body && readBody(body, 0, body.byteLength), context);
    if (value instanceof Promise) {
      return value.then(
        (settled: unknown) => end(context, answer(settled)),
        (thrown: unknown) => end(context, failure(toWireError(thrown))),
      );
    }
    return end(context, answer(value));
  } catch (thrown) {
    return end(context, failure(toWireError(thrown)));
  }
}

function answer(value: unknown): unknown {
  try {
    const bytes = encodeBody(value, maxBodyBytes);
    return bytes === undefined ? NOTHING : move(bytes);
  } catch (thrown) {
    // The handler has run: what cannot be encoded is its failure, whatever the encoder says of itself.
    return failure({ ...toWireError(thrown), outcome: 'failed' });
  }
}

/** Encoded, because the details of an error may hold what no thread can post. */
function failure(error: WireError): JobResult {
  try {
    return { error: encodeBody(error, maxBodyBytes)! };
  } catch {
    const { details: _details, issues: _issues, ...plain } = error;
    return { error: encodeBody(plain, maxBodyBytes)! };
  }
}

function end(context: ThreadContext, result: unknown): unknown {
  context.end();
  running.delete(context);
  while (waiting.length > 0 && running.size < perThread) {
    const { task, resolve } = waiting.shift()!;
    resolve(start(task));
  }
  return result;
}
