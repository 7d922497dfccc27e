/** The method that every actor answers without a handler: `$` keeps it apart from methods that users declare. */
export const PING = '$ping';

export interface Pong {
  readonly nodeId: string;
  /** Backend time, ms. */
  readonly at: number;
}
