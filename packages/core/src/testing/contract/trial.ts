/** The part of AVA's `t` that the contract uses, so that core does not depend on AVA. */
export interface Trial {
  is(actual: unknown, expected: unknown, message?: string): unknown;
  deepEqual(actual: unknown, expected: unknown, message?: string): unknown;
  true(actual: unknown, message?: string): unknown;
  teardown(fn: () => Promise<void>): void;
  timeout(ms: number, message?: string): void;
}

/** The part of AVA's `test` that the contract uses. Serial: nodes with short beats must not starve each other. */
export interface ContractTest {
  readonly serial: (title: string, body: (t: Trial) => Promise<void>) => void;
  readonly skip: (title: string, body: (t: Trial) => Promise<void>) => void;
}
