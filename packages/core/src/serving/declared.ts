/** What a handler says by a code of its contract has the details that the contract promises with it. */
import type { StandardSchema } from '../contract/standard-schema.ts';
import { validate } from '../contract/validate.ts';
import { asHomeostatError, codeOf, type HomeostatError } from '../ground/errors.ts';

export type DeclaredErrors = Readonly<Record<string, StandardSchema>>;
type Misfit = HomeostatError | undefined;

/**
 * What is wrong with the details of what a handler threw; undefined: nothing, or its code is not declared. Answers at once
 * where the schema does, and never throws. Details are only checked: they travel as they are.
 */
export function misfit(errors: DeclaredErrors | undefined, subject: string, thrown: unknown): Misfit | Promise<Misfit> {
  if (errors === undefined) return undefined;
  try {
    const code = codeOf(thrown, '');
    if (!Object.hasOwn(errors, code)) return undefined;
    const { details } = thrown as { details?: unknown };
    const checked = validate(errors[code], details, 'output', `${subject}: details of ${code}`, 'failed');
    return checked instanceof Promise ? checked.then(() => undefined, asHomeostatError) : undefined;
  } catch (wrong) {
    return asHomeostatError(wrong);
  }
}
