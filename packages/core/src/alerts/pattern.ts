/** Whether a word is one of these; one that ends in `*` stands for all that begin so. */
export function isOneOf(word: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? word.startsWith(pattern.slice(0, -1)) : pattern === word));
}
