import { ValidationError, type Issue, type Outcome } from '../ground/errors.ts';
import type { SchemaIssue, SchemaResult, StandardSchema } from './standard-schema.ts';

/**
 * Parses a value with a schema; without one the value passes as it is. Answers at once where the schema is synchronous,
 * as nearly all are: a promise per message would be dear.
 * @throws ValidationError with every issue and its path.
 */
export function validate(
  schema: StandardSchema | undefined,
  value: unknown,
  side: 'input' | 'output',
  subject: string,
  outcome: Outcome,
): unknown {
  if (schema === undefined) return value;
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) return result.then((settled) => valueOf(settled, side, subject, outcome));
  return valueOf(result, side, subject, outcome);
}

function valueOf(result: SchemaResult<unknown>, side: 'input' | 'output', subject: string, outcome: Outcome): unknown {
  if (result.issues === undefined) return result.value;
  throw new ValidationError(side, subject, result.issues.map(plainIssue), outcome);
}

function plainIssue(issue: SchemaIssue): Issue {
  return { path: (issue.path ?? []).map(plainKey), message: issue.message };
}

function plainKey(segment: PropertyKey | { readonly key: PropertyKey }): string | number {
  const key = typeof segment === 'object' ? segment.key : segment;
  return typeof key === 'number' ? key : String(key);
}
