/** Sees to it that what a test started does not outlive the test, however that ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

/** The system closes the standard input of the keeper when this process is gone, a SIGKILL included. */
const KEEPER = 'while read -r _; do :; done; kill -9 "$1"';

/** Kills the child when this process ends. A child that is stopped or hangs would not notice by itself. */
export function endsWithUs(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'keeper', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  keeper.unref();
  (keeper.stdin as Socket).unref();
  child.once('exit', () => keeper.kill('SIGKILL'));
}
