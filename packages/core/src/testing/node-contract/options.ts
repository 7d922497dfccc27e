import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { ConfigError } from '../../ground/errors.ts';
import type { NodeOptions } from '../../node/node.ts';
import { rejection, type Promised } from './stage.ts';

const work = contract('work', { methods: { run: { input: z.number() } } });

export function options(promised: Promised): void {
  promised('a wrong option of a node is refused with its path', async (t, stage) => {
    const wrong: [NodeOptions, string][] = [
      [{ name: 'Not Good' }, 'createNode.name'],
      [{ timeoutMs: 0 }, 'createNode.timeoutMs'],
      [{ beat: { intervalMs: 1_000, ttlMs: 1_500 } }, 'createNode.beat.ttlMs'],
      [{ beat: { beatMs: 1 } } as NodeOptions, 'createNode.beat'],
      [{ timeout: 1 } as NodeOptions, 'timeout'],
    ];
    for (const [settings, path] of wrong) {
      const error = await rejection(stage.node('node', settings));
      t.true(error instanceof ConfigError);
      t.is(error.code, 'CONFIG');
      t.true(error.message.includes(path), error.message);
    }
  });

  promised('a wrong option of a request is refused with its path, and nothing is sent', async (t, stage) => {
    const node = await stage.node('node');
    const { run } = node.client(work);
    const soon = node.now() + 1_000;
    const wrong: [Promise<unknown>, string][] = [
      [run(1, { timeOutMs: 5 } as object), 'timeOutMs'],
      [run(1, { timeoutMs: 5, deadline: soon }), 'work.run: options.deadline: give either timeoutMs or deadline'],
      [run(1, { timeoutMs: -1 }), 'options.timeoutMs'],
      [run(1, { deadline: 1e300 }), 'options.deadline'],
      [run(1, { delayMs: 5 } as object), 'delayMs'],
      [run.cast(1, { delayMs: 5, at: soon }), 'work.run: options.at: give either delayMs or at'],
      [run.cast(1, { at: new Date(Number.NaN) }), 'options.at'],
      [run.cast(1, { at: 1e300 }), 'options.at'],
      [run.cast(1, { key: '' }), 'options.key'],
      [run.cast(1, { headers: { a: 1 } as unknown as Record<string, string> }), 'options.headers.a'],
      [run.cast(1, { signal: {} as AbortSignal }), 'options.signal'],
    ];
    for (const [request, path] of wrong) {
      const error = await rejection(request);
      t.is(error.code, 'CONFIG');
      t.is(error.outcome, 'not-executed');
      t.true(error.message.includes(path), `${error.message} should name ${path}`);
    }
    t.is((await node.depth(work)).messages, 0);
  });

  promised('a wrong option of a client or of serving is refused with its path', async (t, stage) => {
    const node = await stage.node('node');
    const served = actor(work, { run: () => undefined });
    const wrong: [() => unknown, string][] = [
      [() => node.client(work, { timeoutMs: 0 }), 'client(work).timeoutMs'],
      [() => node.client(work, { timeout: 1 } as object), 'timeout'],
      [() => node.serve(served, { threads: 0 }), 'serve.threads'],
      [() => node.serve(served, { threads: 2 }), "serve.threads: goes with pool: 'threads' only"],
      [() => node.serve(served, { pool: 'threads' }), 'URL of a module'],
      [() => node.serve(served, { pool: 'processes' as 'threads' }), 'serve.pool'],
      [() => node.client(undefined as unknown as typeof work), 'client: it takes a contract'],
      [() => node.serve(work as unknown as typeof served), 'serve: it takes what actor(contract, handlers) makes'],
      [() => node.serve(undefined as unknown as typeof served), 'serve: it takes what actor('],
      [() => node.unserve('work' as unknown as typeof work), 'unserve: it takes a contract'],
      [() => node.depth('work' as unknown as typeof work), 'depth: it takes a contract'],
      [() => node.client(work).run.cast(1, { delayMs: 3e9 }), 'options.delayMs: at most 2,147,483,647 ms'],
      [() => node.client('Work'), 'client("Work")'],
      [() => node.client('work@v2'), 'client("work@v2")'],
      [() => node.client('work', { timeoutMs: 0 }), 'client(work).timeoutMs'],
      [() => node.client('work').call('no method'), 'method "no method"'],
      [() => node.batch([], { concurrency: 0 }), 'batch.concurrency'],
      [() => node.on('typo' as 'dead', () => undefined), 'there is no event "typo"'],
      [() => node.on('dead', 'log' as unknown as () => void), 'the listener of "dead"'],
    ];
    for (const [act, path] of wrong) {
      const error = await rejection(Promise.resolve().then(act));
      t.is(error.code, 'CONFIG');
      t.true(error.message.includes(path), `${error.message} should name ${path}`);
    }
  });

  promised('an actor is served once by one node', async (t, stage) => {
    const node = await stage.node('node');
    const served = actor(work, { run: () => undefined });
    const results = await Promise.allSettled([node.serve(served), node.serve(served)]);
    t.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    t.is((await rejection(node.serve(served))).code, 'CONFIG');
  });
}
