import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { MethodNotFound } from '../../ground/errors.ts';
import { numbers, rejection, until, type Promised } from './stage.ts';

const old = contract('things', { version: '1.0.0', methods: { one: { output: z.string() } } });
const newer = contract('things', {
  version: '1.1.0',
  methods: { one: { output: z.string() }, two: { output: z.string() } },
});
const next = contract('things', { version: '2.0.0', methods: { one: { output: z.string() } } });

const oldActor = actor(old, { one: () => 'old one' });
const newerActor = actor(newer, { one: () => 'newer one', two: () => 'two' });

export function routing(promised: Promised): void {
  promised('a method that nobody announces is answered at once', async (t, stage) => {
    await stage.serving(oldActor);
    const node = await stage.node('caller');
    const startedAt = performance.now();
    const error = await rejection(node.client(newer, { timeoutMs: 20_000 }).two());
    t.true(error instanceof MethodNotFound);
    t.is(error.code, 'METHOD_NOT_FOUND');
    t.is(error.outcome, 'not-executed');
    t.is(error.retryable, false);
    t.true(performance.now() - startedAt < 5_000, 'it did not wait for its timeout');
  });

  promised('a cast to a method that nobody announces is kept as a dead letter', async (t, stage) => {
    await stage.serving(oldActor);
    const node = await stage.node('caller');
    await node.client(newer).two.cast();
    await until('the dead letter', async () => (await node.deadLetters(newer).list()).length === 1);
    const [letter] = await node.deadLetters(newer).list();
    t.is(letter?.reason, 'METHOD_NOT_FOUND');
    t.is(letter?.method, 'two');
  });

  promised('a method that only another node announces reaches that node', async (t, stage) => {
    const behind = await stage.serving(oldActor, 'behind');
    const ahead = await stage.serving(newerActor, 'ahead');
    const node = await stage.node('caller');
    const api = node.client(newer, { timeoutMs: 20_000 });
    const answers = await Promise.all(numbers(10).map(() => api.two()));
    t.deepEqual(
      answers,
      numbers(10).map(() => 'two'),
    );
    t.is(behind.stats().processed, 0);
    t.is(ahead.stats().processed, 10);
    t.is(behind.stats().failed, 0, 'handing a delivery on is no failure');
  });

  promised('a major version has a mailbox of its own', async (t, stage) => {
    const node = await stage.serving(oldActor);
    await node.serve(actor(next, { one: () => 'next one' }));
    t.is(await node.client(old).one(), 'old one');
    t.is(await node.client(next).one(), 'next one');
  });

  promised('a call that nobody serves times out, and it is not known whether it ran', async (t, stage) => {
    const node = await stage.node('caller');
    const error = await rejection(node.client(old, { timeoutMs: 200 }).one());
    t.is(error.code, 'CALL_TIMEOUT');
    t.is(error.outcome, 'unknown');
    t.is(node.stats().pendingCalls, 0);
  });

  promised('a call waits for a node that begins to serve within its time', async (t, stage) => {
    const node = await stage.node('caller');
    const answer = node.client(old, { timeoutMs: 20_000 }).one();
    await until('the call to wait in the mailbox', async () => (await node.depth(old)).messages === 1);
    await stage.serving(oldActor);
    t.is(await answer, 'old one');
  });

  promised('nodes of another namespace are not seen', async (t, stage) => {
    await stage.serving(oldActor);
    const stranger = await stage.node('stranger', { namespace: 'elsewhere' });
    t.is((await rejection(stranger.client(old, { timeoutMs: 200 }).one())).code, 'CALL_TIMEOUT');
  });
}
