/** One condition, one fingerprint, whoever sees it. */
import { createHash } from 'node:crypto';
import type { AlertType } from './alert.ts';

export interface ConditionFacts {
  readonly type: AlertType;
  readonly kind: string;
  readonly service?: string | undefined;
  readonly method?: string | undefined;
  readonly scope?: string | undefined;
  readonly nodeId: string;
  /** Each node's condition is one of its own. Default false. */
  readonly perNode?: boolean | undefined;
}

/** Hexadecimal digits of a SHA-256. */
const DIGITS = 16;

/** 16 hexadecimal digits, the same on every node; the node is part of it only with `perNode`. */
export function fingerprintOf(condition: ConditionFacts): string {
  const { type, service = '', kind, method = '', scope = '', nodeId, perNode = false } = condition;
  const parts = [type, service, kind, method, scope, ...(perNode ? [nodeId] : [])];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, DIGITS);
}
