/** A process that joins and changes its report without end: told what it serves by turns, to be killed at any moment. */
import { TestNode, served } from './house.ts';

const [url = '', namespace = ''] = process.argv.slice(2);
const node = await TestNode.joined({ url, beatThread: false }, namespace, 'announcer');
process.send?.('joined');
for (let round = 0; ; round += 1) {
  node.tells = { serves: { 'users@1': served(), [`turn-${round % 2}@1`]: served() } };
  await node.link.membership.announce();
}
