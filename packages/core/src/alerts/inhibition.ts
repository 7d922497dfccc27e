/** What follows from something else that hurts: the root is told, and what follows is attached to it. */
import type { Alert, AlertRecord } from './alert.ts';
import { policyFor, type AlertPolicy } from './policy.ts';

/** What may follow from something. */
export type Consequence = Pick<Alert, 'kind' | 'source' | 'tags' | 'fingerprint' | 'causedBy'> & {
  /** Who feels it, where that is known: else whoever raised it. */
  readonly active?: readonly string[] | undefined;
};

interface Rule {
  /** Kind of the root. */
  readonly root: string;
  follows(consequence: Consequence, root: AlertRecord): boolean;
}

const NODE_TAG = 'node:';
/** Of a service whose breaker is open, failing is no news. */
const FAILING_KINDS: ReadonlySet<string> = new Set(['error-rate', 'service-failing', 'call-failure']);

const RULES: readonly Rule[] = [
  { root: 'node-expired', follows: isOfLostNode },
  {
    root: 'breaker-open',
    follows: ({ kind, source }, root) =>
      FAILING_KINDS.has(kind) && source.service !== undefined && source.service === root.source.service,
  },
];

/** Chains of causes that are longer are not looked through: what hangs on one is told. */
const MAX_CHAIN = 8;

/**
 * The open alert that this one follows from: the one it names, or one that a rule finds.
 * @param find the alert of this id or fingerprint.
 * @param live every alert that a rule may find.
 */
export function rootOf(
  consequence: Consequence,
  find: (reference: string) => AlertRecord | undefined,
  live: Iterable<AlertRecord>,
  policy: AlertPolicy,
): AlertRecord | undefined {
  const { causedBy } = consequence;
  const named = causedBy === undefined ? undefined : find(causedBy);
  if (named !== undefined && holdsBack(named, consequence, find, policy)) return named;
  for (const root of live) {
    if (RULES.some((rule) => rule.root === root.kind && rule.follows(consequence, root))) {
      if (holdsBack(root, consequence, find, policy)) return root;
    }
  }
  return undefined;
}

/** A root that is over, or of which nobody is told, explains nothing. */
function holdsBack(
  root: AlertRecord,
  consequence: Consequence,
  find: (reference: string) => AlertRecord | undefined,
  policy: AlertPolicy,
): boolean {
  if (root.type !== 'pain' || (root.state !== 'open' && root.state !== 'acked')) return false;
  return policyFor(root, policy).first.length > 0 && !leadsTo(root, consequence.fingerprint, find);
}

/** Two that name each other as their cause would both never be told. */
function leadsTo(
  from: AlertRecord,
  fingerprint: string,
  find: (reference: string) => AlertRecord | undefined,
): boolean {
  let cause: AlertRecord | undefined = from;
  for (let length = 0; length < MAX_CHAIN; length += 1) {
    if (cause.fingerprint === fingerprint) return true;
    if (cause.causedBy === undefined) return false;
    if (cause.causedBy === fingerprint) return true;
    cause = find(cause.causedBy);
    if (cause === undefined) return false;
  }
  return true;
}

/**
 * What only the lost node felt, or what is tagged with it. That another node is lost is never a consequence: it may be
 * the very reason.
 */
function isOfLostNode({ kind, source, tags = [], active }: Consequence, { tags: ofRoot = [] }: AlertRecord): boolean {
  if (kind === 'node-expired') return false;
  const felt = active === undefined || active.length === 0 ? [source.nodeId] : active;
  return ofRoot.some((tag) => {
    if (!tag.startsWith(NODE_TAG)) return false;
    return tags.includes(tag) || felt.every((node) => node === tag.slice(NODE_TAG.length));
  });
}
