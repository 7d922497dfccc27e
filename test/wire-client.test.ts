/** The wire from another language: a client in Python, with nothing but its standard library, against a real node. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { actor, contract, createNode } from 'homeostat';
import test from 'ava';
import { z } from 'zod';
import { removeNamespace } from './support/clean.ts';

const run = promisify(execFile);
const LIMIT_MS = 30_000;
const CLIENT = fileURLToPath(new URL('../../packages/core/test/wire-client.py', import.meta.url));
const { REDIS_URL } = process.env;
const python = ['python3', 'python'].find(
  (name) => spawnSync(name, ['-c', 'import sys; assert sys.version_info >= (3, 8)']).status === 0,
);
const server = REDIS_URL === undefined ? undefined : new URL(REDIS_URL);
const reachable =
  server !== undefined && server.protocol === 'redis:' && server.password === '' && server.pathname.length <= 1;

process.env['LOG_LEVEL'] = 'silent';

const box = contract('box', {
  methods: {
    put: {
      input: z.object({ name: z.string(), size: z.number() }).catchall(z.unknown()),
      output: z.object({ echo: z.unknown(), messageId: z.string(), nothing: z.null(), list: z.array(z.number()) }),
    },
  },
});

const declared = python === undefined || !reachable ? test.serial.skip : test.serial;
const why =
  python === undefined ? ' (no python3 here)' : reachable ? '' : ' (no REDIS_URL without password and database)';

/** Runs the client against a node of its own namespace; answers what it printed and what the node was handed. */
async function told(
  input: unknown,
): Promise<{ ended: Promise<{ stdout: string }>; received: unknown[]; close(): Promise<void> }> {
  const namespace = `wire-client-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  const received: unknown[] = [];
  const node = await createNode({ redis: REDIS_URL!, namespace, signals: false });
  await node.serve(
    actor(box, {
      put: (echo, ctx) => {
        received.push({ echo, caller: ctx.caller, timed: ctx.deadline > 0 });
        return { echo, messageId: ctx.messageId, nothing: null, list: [1, -1, 70_000, 1.5] };
      },
    }),
  );
  const lane = `{${namespace}:0}:`;
  const { hostname, port } = server!;
  const args = [
    CLIENT,
    hostname,
    port || '6379',
    `${lane}mailbox:${box.mailbox}`,
    `${lane}inbox:python-1`,
    'put',
    JSON.stringify(input),
  ];
  return {
    ended: run(python!, args, { timeout: LIMIT_MS }),
    received,
    close: async () => {
      await node.close();
      await removeNamespace(REDIS_URL!, namespace);
    },
  };
}

declared(`a client in Python casts and calls a node through plain XADD, and reads its answer${why}`, async (t) => {
  const input = { name: 'Zoë', size: 3, tags: ['a', 'ü'], ratio: 0.25, far: 2 ** 40, low: -5, yes: true, none: null };
  const { ended, received, close } = await told(input);
  try {
    const answer = JSON.parse((await ended).stdout) as Record<string, unknown>;
    t.deepEqual(answer['echo'], input);
    t.is(answer['nothing'], null);
    t.deepEqual(answer['list'], [1, -1, 70_000, 1.5]);
    t.deepEqual(received, [
      { echo: input, caller: 'python-1', timed: false },
      { echo: input, caller: 'python-1', timed: true },
    ]);
  } finally {
    await close();
  }
});

declared(`a client in Python is told by an error when its input does not fit${why}`, async (t) => {
  const { ended, received, close } = await told({ name: 'no size' });
  try {
    const refused = (await t.throwsAsync(ended)) as unknown as { code: number; stdout: string };
    t.is(refused.code, 1);
    const { code, outcome, issues } = JSON.parse(refused.stdout) as {
      code: string;
      outcome: string;
      issues: { path: unknown }[];
    };
    t.is(code, 'VALIDATION');
    t.is(outcome, 'not-executed');
    t.deepEqual(issues[0]?.path, ['size']);
    t.deepEqual(received, []);
  } finally {
    await close();
  }
});
