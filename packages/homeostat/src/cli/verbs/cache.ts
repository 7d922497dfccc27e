import { oneOf } from '../arguments.ts';
import { mustBeServed } from '../known.ts';
import type { Verb } from '../verb.ts';

export const cache: Verb = {
  name: 'cache',
  synopses: ['cache clear <service> [prefix]'],
  summary: 'Forgets answers of a service that nodes share',
  about: [
    'Forgets all of them, or those whose key begins with the prefix: what the contract’s cacheKey makes',
    '(product:123), or else the name of the method and a colon (getProduct:). Says how many there were.',
  ],
  examples: ['cache clear catalogue', 'cache clear catalogue product:'],
  plan(given) {
    const [[word, service], prefix = ''] = given.upTo('clear', 'service');
    oneOf(word, ['clear']);
    return async ({ node }) => {
      const cleared = await node.cache.invalidate(service, { prefix });
      // One that is served no more may have left answers; one that never was has none.
      if (cleared === 0) mustBeServed(node, service);
      return { data: { service, prefix, cleared }, text: `${cleared} forgotten` };
    };
  },
};
