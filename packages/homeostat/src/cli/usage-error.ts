/** The command line itself is wrong: nothing was connected, nothing was done. */
export class UsageError extends Error {
  readonly code = 'USAGE';
}
