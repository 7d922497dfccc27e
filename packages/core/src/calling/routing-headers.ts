/** Headers by which a message says who may run it. */

/** Tags that a node must have, separated by commas. A node that lacks one of them does not run the message. */
export const TAGS_HEADER = 'homeostat-tags';

const NO_TAGS: ReadonlySet<string> = new Set();

/** The tags that a message needs, when `own` lacks one of them; undefined when it may run here. */
export function tagsWanted(
  headers: Readonly<Record<string, string>> | undefined,
  own: ReadonlySet<string> = NO_TAGS,
): readonly string[] | undefined {
  const needed = headers?.[TAGS_HEADER];
  if (needed === undefined) return undefined;
  const tags = needed
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  return tags.every((tag) => own.has(tag)) ? undefined : tags;
}
