import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { Aborted } from '../../ground/errors.ts';
import { gate, rejection, until, type Promised } from './stage.ts';

const work = contract('work', {
  methods: { ask: { input: z.string(), output: z.string() }, tell: { input: z.string() } },
});

export function aborting(promised: Promised): void {
  promised('what is aborted before it is sent is not sent', async (t, stage) => {
    const node = await stage.node('caller');
    const api = node.client(work);
    const signal = AbortSignal.abort(new Error('changed my mind'));
    for (const request of [api.ask('a', { signal }), api.tell.cast('b', { signal })]) {
      const error = await rejection(request);
      t.true(error instanceof Aborted);
      t.is(error.code, 'ABORTED');
      t.is(error.outcome, 'not-executed');
      t.is((error.cause as Error).message, 'changed my mind');
    }
    t.is((await node.depth(work)).messages, 0);
  });

  promised('what is aborted in the turn it was sent in does not leave', async (t, stage) => {
    const node = await stage.node('caller');
    const controller = new AbortController();
    const asked = node.client(work).ask('a', { signal: controller.signal });
    const told = node.client(work).tell.cast('b', { signal: controller.signal });
    controller.abort();
    t.is((await rejection(asked)).outcome, 'not-executed');
    t.is((await rejection(told)).outcome, 'not-executed');
    await node.client(work).tell.cast('c');
    t.is((await node.depth(work)).messages, 1);
  });

  promised(
    'with a key it does not leave either, though it must be found out first where it would go',
    async (t, stage) => {
      const node = await stage.node('caller');
      const controller = new AbortController();
      const { signal } = controller;
      const asked = rejection(node.client(work).ask('a', { key: 'k', signal }));
      const told = rejection(node.client(work).tell.cast('b', { key: 'k', signal }));
      controller.abort();
      for (const error of [await asked, await told])
        t.deepEqual([error.code, error.outcome], ['ABORTED', 'not-executed']);
      t.is((await node.depth(work)).messages, 0);
    },
  );

  promised('aborting a running call ends the wait at once; its answer counts as late', async (t, stage) => {
    const { opened, open } = gate();
    let running = 0;
    await stage.serving(
      actor(work, { ask: (text) => ((running += 1), opened.then(() => text)), tell: () => undefined }),
    );
    const node = await stage.node('caller');
    const controller = new AbortController();
    const asked = rejection(node.client(work).ask('a', { signal: controller.signal }));
    await until('the handler to run', () => running === 1);
    controller.abort();
    const error = await asked;
    t.is(error.code, 'ABORTED');
    t.is(error.outcome, 'unknown');
    t.is(node.stats().pendingCalls, 0);
    open();
    await until('the late answer', () => node.stats().lateReplies === 1);
  });
}
