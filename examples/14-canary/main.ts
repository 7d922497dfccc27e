import { actor, contract, createNode, type ActorNode } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';

const CALLS = 1_000;

/** Both versions have the same major part: they share a mailbox, and a caller need not know which one answers. */
const prices = (version: string) =>
  contract('prices', {
    version,
    methods: {
      quote: {
        input: z.object({ article: z.number() }),
        output: z.object({ cents: z.number(), by: z.string() }),
        kind: 'query',
      },
    },
  });

const backend = meetingPoint();
const namespace = process.env['NAMESPACE'] ?? 'example-14';

const serve = async (version: string): Promise<ActorNode> => {
  const node = await createNode({ backend, namespace, name: `prices-${version.replaceAll('.', '-')}` });
  await node.serve(actor(prices(version), { quote: ({ article }) => ({ cents: article * 100, by: version }) }));
  return node;
};
const old = await serve('1.0.0');
const fresh = await serve('1.1.0');

const shop = await createNode({ backend, namespace, name: 'shop', requires: ['prices'] });
const api = shop.client(prices('1.0.0'));
console.log(`versions side by side: ${Object.keys(shop.registry.services()[0]?.versions ?? {}).join(' and ')}`);

let failed = 0;
const sell = async (when: string): Promise<void> => {
  const answers = await Promise.all(Array.from({ length: CALLS }, (_, article) => api.quote.try({ article })));
  failed += answers.filter(({ ok }) => !ok).length;
  const shareOf = (version: string): number =>
    (answers.filter((answer) => answer.ok && answer.value.by === version).length * 100) / CALLS;
  console.log(`${when}: ${shareOf('1.0.0')} % from 1.0.0, ${shareOf('1.1.0')} % from 1.1.0`);
};

// Live: no node is restarted, and every node of the namespace does it from now on.
const canary = (share: number) => shop.config.set('prices', { canary: { version: '1.1', share } });

await canary(0.1);
await sell('a tenth');
await canary(0.5);
await sell('half');

// Something looks wrong with it: back at once, without a roll-out.
await canary(0);
await sell('none');

await canary(1);
await sell('all');

// Nobody asks the old version any more, so it can go. Without a canary, whoever has room takes.
await old.close();
await shop.config.set('prices', { canary: false });
await sell('canary switched off, 1.0.0 closed');
console.log(`failed calls: ${failed}`);

await shop.close();
await fresh.close();
