/**
 * The keys of keyed actors whose handlers wait up the chain of a call, as a header: a call that comes back to one of them
 * would wait for itself. Each link is a digest, so that the header stays short and tells nobody the keys.
 */
import { createHash } from 'node:crypto';

export const CHAIN_HEADER = 'homeostat-chain';

/** Characters of a link; 96 bits. */
const LINK = 16;
/** Links that travel, the latest: a longer chain is cut off at its beginning. */
const MAX_LINKS = 32;

export function linkOf(mailbox: string, key: string): string {
  return createHash('sha256').update(`${mailbox} ${key}`).digest('base64url').slice(0, LINK);
}

/** The chain of what a handler calls. */
export function extended(chain: string | undefined, link: string): string {
  if (chain === undefined) return link;
  return [...chain.split(',').slice(1 - MAX_LINKS), link].join(',');
}

/** Whether the handler of this mailbox and key is one of those that wait. */
export function closesCycle(chain: string | undefined, mailbox: string, key: string): boolean {
  return chain !== undefined && chain.split(',').includes(linkOf(mailbox, key));
}
