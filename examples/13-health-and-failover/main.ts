import { createNode } from 'homeostat';
import { endService, forkService } from '../shared/fork-service.ts';
import { until } from '../shared/until.ts';
import { connection } from './connection.ts';
import { orders } from './orders.contract.ts';

const ORDERS = 60;

const node = await createNode({ ...connection, name: 'main' });
const api = node.client(orders, { timeoutMs: 10_000 });

// Without orders this process is of no use: a load balancer in front of it should look elsewhere.
node.health.dependsOn(['orders'], { critical: true });
const printReadiness = (): void => {
  const { ready, reasons } = node.health.readiness();
  console.log(`main is ready: ${ready ? 'yes' : `no, ${reasons.join('; ')}`}`);
};
await until('the first beat', () => node.health.readiness().reasons.length === 1);
printReadiness();

const start = (name: string): ReturnType<typeof forkService> =>
  forkService(new URL('./service.js', import.meta.url), name);
const first = await start('orders-1');
const second = await start('orders-2');
await until('two healthy instances', () => node.registry.instances('orders').length === 2);
await until('readiness', () => node.health.readiness().ready);
printReadiness();

const nameOf = new Map(node.registry.instances('orders').map(({ nodeId, nodeName }) => [nodeId, nodeName]));
const heard: string[] = [];
node.on('health', ({ nodeId, from, to, reason }) =>
  heard.push(`health: ${nameOf.get(nodeId)} ${from} -> ${to}${reason === undefined ? '' : `, ${reason}`}`),
);
node.on('expired', ({ nodeId }) => heard.push(`expired: ${nameOf.get(nodeId)}`));
const printNext = async (what: string): Promise<void> => {
  await until(what, () => heard.length > 0);
  console.log(heard.shift());
};
const printHealth = async (): Promise<void> => {
  const { status, healthyInstances, instances } = await node.health.of('orders');
  const { healthy, total } = await node.health.overview();
  console.log(`orders: ${status}, ${healthyInstances} of ${instances.length} instances can take work`);
  console.log(`overview: ${healthy} of ${total} services healthy`);
};
const placeOrders = async (): Promise<void> => {
  const answers = await Promise.all(Array.from({ length: ORDERS }, (_, order) => api.place({ order, workMs: 10 })));
  const shares = ['orders-1', 'orders-2'].map((name) => {
    const count = answers.filter(({ by }) => by === name).length;
    return `${count === 0 ? 'none' : count === ORDERS ? 'all' : 'some'} by ${name}`;
  });
  console.log(`${ORDERS} orders placed, ${shares.join(', ')}`);
};

await printHealth();
await placeOrders();

console.log('orders-1 loses its database');
first.send('database down');
await printNext('orders-1 to be unhealthy');
await printHealth();
await placeOrders();

console.log('the database is back');
first.send('database up');
await printNext('orders-1 to be well again');
await printHealth();
await placeOrders();

// Sent to one node on purpose, to know whom to kill. What dies with an order in its hands does not keep it: the other
// takes it up, and the caller, who still waits, gets its answer.
const [unlucky] = node.registry.instances('orders').filter(({ nodeName }) => nodeName === 'orders-2');
let inHand: unknown;
second.on('message', (order) => (inHand = order));
const answer = api.place({ order: ORDERS, workMs: 500 }, { node: unlucky?.nodeId });
await until('orders-2 to work on it', () => inHand === ORDERS);
console.log('orders-2 is killed while it works on an order');
await endService(second, 'SIGKILL');
console.log(`the order was placed by ${(await answer).by}`);
await printNext('the end of orders-2');
await printHealth();

await endService(first); // in good order, and main hears of it
await until('the end of readiness', () => !node.health.readiness().ready);
printReadiness();
await node.close();
