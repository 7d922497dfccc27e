import { setTimeout as sleep } from 'node:timers/promises';
import { actor, contract, createNode, HomeostatError, type Context } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

const album = contract('album', { methods: { print: { input: z.string(), output: z.string() } } });
const photos = contract('photos', { methods: { develop: { input: z.string(), output: z.string() } } });

const backend = meetingPoint();
const namespace = process.env['NAMESPACE'] ?? 'example-10';
const node = (name: string): ReturnType<typeof createNode> => createNode({ backend, namespace, name });
const [caller, albums, lab] = await Promise.all([node('caller'), node('albums'), node('lab')]);

const heard: string[] = [];
/** Work that takes its time, and stops when its signal aborts. */
async function patiently(text: string, { signal }: Pick<Context, 'signal'>): Promise<void> {
  heard.push(`${text} begins`);
  await sleep(60_000, undefined, { signal }).catch(() => heard.push(`${text} stops`));
}

await lab.serve(
  actor(
    photos,
    {
      develop: async (photo, ctx) => {
        await patiently(`developing ${photo}`, ctx);
        return photo;
      },
    },
    { concurrency: 1 }, // one at a time, so that something waits
  ),
);
await albums.serve(actor(album, { print: (photo, ctx) => ctx.client(photos).develop(photo) }));
await albums.registry.waitFor(['photos']);
await caller.registry.waitFor(['album', 'photos']);

const code = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error: unknown) => (error instanceof HomeostatError ? error.code : 'something else'),
  );
const next = async (line: string): Promise<void> => {
  await until(line, () => heard.includes(line));
  console.log(line);
};

// The caller aborts: the signal of the handler aborts, and with it that of the handler which this one waits for.
const controller = new AbortController();
const printed = code(caller.client(album).print('a beach', { signal: controller.signal }));
await next('developing a beach begins');

// Another call waits behind it, in the mailbox. It is cancelled, too: it will never begin.
const waiting = code(caller.client(photos).develop('a dog', { signal: controller.signal }));
await until('both to have left', async () => (await caller.depth(photos)).messages === 2);
controller.abort();
console.log(`the callers: ${await printed}, ${await waiting}`);
await next('developing a beach stops');

// A caller that is gone: nobody waits for its calls, so they stop. This one closes; one that is killed is missed within 4 s.
const other = await node('other');
await other.registry.waitFor(['photos']);
const lost = code(other.client(photos).develop('a cat'));
await next('developing a cat begins');
// Work may be sent so that nobody begins it any more then.
await other.client(photos).develop.cast('a bird', { orphan: 'skip' });
await other.close();
console.log(`the caller: ${await lost}`);
await next('developing a cat stops');
await until('nothing to be left', async () => (await caller.depth(photos)).messages === 0);
console.log(`begun in all: ${heard.filter((line) => line.endsWith('begins')).length}`);

await Promise.all([caller.close(), albums.close(), lab.close()]);
