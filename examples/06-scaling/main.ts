import { actor, createNode } from 'homeostat';
import { endService, forkService } from '../shared/fork-service.ts';
import { until } from '../shared/until.ts';
import { connection } from './connection.ts';
import { jobs, tally } from './contracts.ts';

const JOBS = 3_000;

const node = await createNode({ ...connection, name: 'main' });

// Which service did which job. A job that is reported twice is still one job.
const doneBy = new Map<number, string>();
const shareOf = (name: string): number => [...doneBy.values()].filter((by) => by === name).length;
await node.serve(
  actor(tally, {
    done: ({ job, by }) => {
      doneBy.set(job, by);
    },
  }),
);

// More processes that serve the same actor: that is all there is to scaling. Nobody has to be told of them.
const start = (name: string): ReturnType<typeof forkService> =>
  forkService(new URL('./service.js', import.meta.url), name);
const first = await start('service-1');
const second = await start('service-2');
console.log('two services are up');

const api = node.client(jobs);
const sending = Promise.all(Array.from({ length: JOBS }, (_, job) => api.run.cast({ job })));
const third = await start('service-3');
await until('a share of the third', () => shareOf('service-3') > 100);
console.log(`a third has joined under load: ${doneBy.size < JOBS ? 'yes' : 'no'}`);

await endService(second, 'SIGKILL'); // no goodbye: what it held stays behind, and the others take it up
console.log(`the second is killed, with jobs waiting: ${doneBy.size < JOBS ? 'yes' : 'no'}`);

await sending; // each cast is accepted by now
await until('all jobs', () => doneBy.size === JOBS);
const dead = (await node.deadLetters(jobs).list()).length;
const shares = ['service-1', 'service-2', 'service-3'].map(shareOf);

console.log(`each handled a share: ${shares.every((share) => share > 0) ? 'yes' : 'no'} (${shares.join(' + ')})`);
console.log(`accepted ${JOBS} = handled ${doneBy.size} + dead letters ${dead}`);

await endService(first);
await endService(third);
await node.close();
