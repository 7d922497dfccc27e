/** A node in a process of its own for the tests that end it: serves one mailbox and holds what it gets. */
import { TestNode, until } from './house.ts';

const [url = '', namespace = '', mailbox = '', frames = '1'] = process.argv.slice(2);
const node = await TestNode.joined(url, namespace, 'stranger');
const served = await node.serve(mailbox);
process.send?.('serving');
await until('frames', () => served.claims.length >= Number(frames));
process.send?.('holding');
process.on('disconnect', () => process.exit());
