import type { Clock } from '../../ground/clock.ts';
import type { PermitAnswer, PermitRequest } from '../../ports/permits.ts';
import { drawn, newRetryBucket, type RetryBucket } from '../../resilience/retry-bucket.ts';

/** The budgets of a world, by service. */
export class PermitBook {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, RetryBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(service: string, request: PermitRequest): PermitAnswer {
    const now = this.#clock.now();
    const before = this.#buckets.get(service) ?? newRetryBucket(request.minPerSecond, now);
    const { bucket, answer } = drawn(before, request, now);
    this.#buckets.set(service, bucket);
    return answer;
  }
}
