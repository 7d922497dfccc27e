import { createNode, topic } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

const ORDERS = 100;

// Declared once, shared by publishers and subscribers. What is published is kept for a replay.
const created = topic('orders.created', z.object({ id: z.number() }), { keep: { messages: 1_000 } });
const settings = topic('settings', z.object({ theme: z.string() }));

const namespace = process.env['NAMESPACE'] ?? 'example-08';
const backend = meetingPoint();
const start = (name: string): ReturnType<typeof createNode> => createNode({ backend, name, namespace });
const shop = await start('shop');

// Each group gets everything; of the nodes of one group, one handles a message.
const mails = new Map<number, string>();
const stock: number[] = [];
const mailers = [await start('mailer-1'), await start('mailer-2')];
for (const mailer of mailers)
  await mailer.subscribe(created, ({ id }) => void mails.set(id, mailer.name), { group: 'mailer' });
const warehouse = await start('warehouse');
await warehouse.subscribe(created, ({ id }) => void stock.push(id)); // the group is named as its node

const publish = (from: number, to: number): Promise<unknown> =>
  Promise.all(Array.from({ length: to - from }, (_, n) => shop.publish(created, { id: from + n })));
await publish(0, ORDERS / 2);
await until('both groups', () => mails.size === ORDERS / 2 && stock.length === ORDERS / 2);
console.log(`mailer: ${mails.size} orders, warehouse: ${stock.length} orders`);

await warehouse.close(); // it is down for a while; its group stays
await publish(ORDERS / 2, ORDERS);
await until('the mailers', () => mails.size === ORDERS);
console.log(`waiting for the warehouse: ${(await shop.depth(created, 'warehouse')).messages}`);
const again = await start('warehouse');
await again.subscribe(created, ({ id }) => void stock.push(id));
await until('what it missed', () => stock.length === ORDERS);
console.log(
  `the warehouse is back: ${new Set(stock).size} orders, none twice: ${stock.length === ORDERS ? 'yes' : 'no'}`,
);

// A group that comes late can have what was before it, and a pattern has every topic that matches.
const seen: string[] = [];
await again.subscribe(created, ({ id }) => void seen.push(`${id}`), { group: 'report', from: 'oldest' });
await until('the replay', () => seen.length === ORDERS);
console.log(`replayed to a new group: ${seen.length}`);
const audited: string[] = [];
await again.subscribe('orders.*', (_payload, ctx) => void audited.push(ctx.topic), { group: 'audit' });
await shop.publish(topic('orders.paid', z.object({ id: z.number() })), { id: 1 });
await until('the audit', () => audited.length === 1);
console.log(`a topic that is new, by pattern: ${audited.join()}`);

// Now or never, for every node that listens.
const heard = new Set<string>();
const nodes = [shop, ...mailers, again];
for (const node of nodes)
  await node.subscribe(settings, ({ theme }) => void heard.add(`${node.name} ${theme}`), { everyNode: true });
await until('all to see all', () => shop.registry.nodes().length === nodes.length);
await shop.broadcast(settings, { theme: 'dark' });
await until('everybody', () => heard.size === nodes.length);
console.log(`broadcast heard by ${heard.size} nodes`);

await Promise.all(nodes.map((node) => node.close()));
