/** The part of AVA's `t` that the contract uses, so that core does not depend on AVA. */
export interface Trial {
  is(actual: unknown, expected: unknown, message?: string): unknown;
  deepEqual(actual: unknown, expected: unknown, message?: string): unknown;
  true(actual: unknown, message?: string): unknown;
  teardown(fn: () => Promise<void>): void;
  timeout(ms: number, message?: string): void;
}

/** The part of AVA's `test` that the contract uses. */
export interface ContractTest {
  /** Runs beside others, after those that run alone. */
  (title: string, body: (t: Trial) => Promise<void>): void;
  /** Runs alone. */
  readonly serial: (title: string, body: (t: Trial) => Promise<void>) => void;
  readonly skip: (title: string, body: (t: Trial) => Promise<void>) => void;
}
