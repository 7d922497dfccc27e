import { setTimeout as sleep } from 'node:timers/promises';
import { actor, createNode } from 'homeostat';
import { connection } from './connection.ts';
import { jobs, tally } from './contracts.ts';

const name = process.argv[2] ?? 'service';
const node = await createNode({ ...connection, name });
await node.serve(
  actor(
    jobs,
    {
      run: async ({ job }, ctx) => {
        await sleep(5); // the work
        // Reported before the handler returns: a job counts as handled only once this is known, and if the process is
        // killed in between, the job is delivered again and reported again. So the tally counts each job once.
        await ctx.client(tally).done({ job, by: name });
      },
    },
    { concurrency: 4 }, // a node claims only what it can run, so whoever has room takes the next job
  ),
);

process.once('disconnect', () => void node.close()); // it does not outlive the process that started it
process.send?.('ready');
