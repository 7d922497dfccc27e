/** How large an alert may grow: it is kept by every node, whoever raises it and however often. */

/** Characters. */
export const MAX_MESSAGE = 2_000;
export const MAX_WORD = 200;
export const MAX_IMPACT = 500;
export const MAX_NOTE = 200;
export const MAX_TAG = 100;
/** What a condition may be told apart by; only its hash is kept. */
export const MAX_SCOPE = 2_000;

/** Entries. */
export const MAX_METRICS = 32;
export const MAX_ACTIONS = 8;
export const MAX_TAGS = 16;
export const MAX_HISTORY = 64;
export const MAX_NOTICES = 16;
export const MAX_TOKENS = 16;
export const MAX_REPORTERS = 64;
export const MAX_ACTIVE = 64;
export const MAX_GROUPS = 32;
export const MAX_GROUP_IDS = 3;

/** The text, or as much of it as there is room for; never half a character. */
export function cut(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '');
}
