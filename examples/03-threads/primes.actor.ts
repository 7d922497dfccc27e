import { actor } from 'homeostat';
import { primes } from './primes.contract.ts';

// The default export of a module of its own: each worker thread loads this file, since functions cannot be sent to one.
export default actor(primes, {
  count: ({ below }) => {
    let found = 0;
    for (let candidate = 2; candidate < below; candidate += 1) if (isPrime(candidate)) found += 1;
    return found;
  },
});

/** By trial division: slow on purpose, and it never lets the event loop turn. */
function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) if (candidate % divisor === 0) return false;
  return true;
}
