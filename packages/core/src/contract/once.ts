/** What a contract says of how often a method runs. */
import { z } from 'zod';
import type { MethodSpec, MethodSpecs } from './contract.ts';
import { milliseconds } from '../ground/parse-options.ts';

/** How long the answer to a request with an `id` stands, ms. */
const DEFAULT_ONCE_MS = 3_600_000;
/** 30 days. */
const LONGEST_ONCE_MS = 2_592_000_000;

interface OnceSettings {
  readonly onceMs?: number | undefined;
  readonly delivery?: MethodSpec['delivery'] | undefined;
}

export const onceSchema: z.ZodType<OnceSettings> = z.strictObject({
  onceMs: milliseconds.min(1).max(LONGEST_ONCE_MS).optional(),
  delivery: z.enum(['at-least-once', 'at-most-once']).optional(),
});

export function keepMsOf(spec: MethodSpec | undefined): number {
  return spec?.onceMs ?? DEFAULT_ONCE_MS;
}

/** Methods that run at most once; undefined: none do. */
export function atMostOnceOf(methods: MethodSpecs): ReadonlySet<string> | undefined {
  const names = Object.keys(methods).filter((name) => methods[name]!.delivery === 'at-most-once');
  return names.length === 0 ? undefined : new Set(names);
}
