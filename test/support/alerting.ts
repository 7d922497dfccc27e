/** A process that raises alerts and is told of them, as it is ordered; for the tests of alerts. */
import { createNode, type AlertContext, type NodeOptions, type RaiseOptions } from 'homeostat';
import type { Order, Said } from './alert-house.ts';
import { stuckActor } from './stuck.actor.ts';

const { REDIS_URL: redis = '', NAMESPACE: namespace = '', NAME: name = '', OPTIONS: options = '{}' } = process.env;
/** Raises under way between two turns of the event loop. */
const BURST = 200;

const node = await createNode({ redis, namespace, name, ...(JSON.parse(options) as NodeOptions) });
let release: () => void = () => {};
const released = new Promise<void>((resolve) => (release = resolve));

function say(said: Said): void {
  process.send?.(said);
}

async function carryOut(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'name-yourself':
      return node.id;
    case 'raise':
      return raise(order.options);
    case 'raise-and-block':
      return raiseAndBlock(order.options, order.ms);
    case 'raise-often':
      return raiseOften(order.options, order.times);
    case 'serve':
      return node.serve(stuckActor);
    case 'get':
      return node.alerts.get(order.id);
    case 'listen':
      node.alerts.subscribe(
        order.filter,
        async ({ id, kind }, { notice: { n, why, to }, attempt, ...ctx }) => {
          say({ told: { at: Date.now(), by: name, id, kind, n, why, to, attempt } });
          if (order.holds === true) await handled(ctx);
        },
        order.options,
      );
      return undefined;
    case 'release':
      return release();
  }
}

async function raise(raised: RaiseOptions): Promise<unknown> {
  const at = Date.now();
  const alert = await node.pain(raised);
  return { at, alert };
}

function raiseAndBlock(raised: RaiseOptions, ms: number): unknown {
  const at = Date.now();
  void node.pain(raised);
  for (const end = performance.now() + ms; performance.now() < end;);
  return { at, freeAt: Date.now() };
}

async function raiseOften(raised: RaiseOptions, times: number): Promise<void> {
  const told: Promise<unknown>[] = [];
  for (let done = 1; done <= times; done += 1) {
    told.push(node.pain(raised));
    if (done % BURST === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(told);
}

/** Somebody who has it in hand until the test says so, and then puts it right. */
async function handled(ctx: Pick<AlertContext, 'ack' | 'resolve'>): Promise<void> {
  await released;
  await ctx.ack('responding');
  await ctx.resolve();
}

process.on('message', ({ order, number }: { readonly order: Order; readonly number: number }) => {
  carryOut(order).then(
    (value) => say({ number, value }),
    (thrown: unknown) => say({ number, failed: String(thrown) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
