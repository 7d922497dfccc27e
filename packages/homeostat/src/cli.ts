#!/usr/bin/env node
/** The command line: `homeostat <verb> …`. */
import { main } from './cli/main.ts';

// Whoever reads has gone, as `head` does: there is nobody to tell, but the node still has to leave.
process.stdout.on('error', () => undefined);

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  redis: process.env['REDIS_URL'],
  logs: process.env['LOG_LEVEL'] !== undefined,
  untilInterrupted: () =>
    new Promise((resolve) => {
      process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
      process.stdout.once('error', () => resolve());
    }),
});
