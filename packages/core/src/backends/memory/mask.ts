/** Arithmetic on masks: one character per envelope, `1` = still to do. */

export function fullMask(count: number): string {
  return '1'.repeat(count);
}

export function hasWork(mask: string): boolean {
  return mask.includes('1');
}

export function countWork(mask: string): number {
  let ones = 0;
  for (let index = mask.indexOf('1'); index !== -1; index = mask.indexOf('1', index + 1)) ones += 1;
  return ones;
}

/** What is to do besides one envelope. */
export function withoutOne(mask: string, index: number): string {
  return `${mask.slice(0, index)}0${mask.slice(index + 1)}`;
}

/** What is to do in both. As long as `a`. */
export function both(a: string, b: string): string {
  if (a === b) return a;
  let mask = '';
  for (let index = 0; index < a.length; index += 1) mask += a[index] === '1' && b[index] === '1' ? '1' : '0';
  return mask;
}

/** What is to do in `a` and not in `b`. As long as `a`. */
export function without(a: string, b: string): string {
  let mask = '';
  for (let index = 0; index < a.length; index += 1) mask += a[index] === '1' && b[index] !== '1' ? '1' : '0';
  return mask;
}
