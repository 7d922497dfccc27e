/** A service process that pays, tells whom it paid, and dies or dawdles where it is told to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { actor, createNode, redis, type Backend } from 'homeostat';
import { QUICK } from './echo.ts';
import { till } from './till.ts';

const {
  REDIS_URL: url = '',
  NAMESPACE: namespace = '',
  NAME: name = '',
  HOLD_MS: holdMs = '0',
  DIES = '',
} = process.env;

/** Ends this process the moment Redis has kept an answer, before anybody hears of it. */
function dyingWhenKept(inner: Backend): Backend {
  const bound = (target: object, key: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  return {
    name: inner.name,
    connect: async (identity) => {
      const link = await inner.connect(identity);
      const end: typeof link.once.end = async (run, how) => {
        const ended = await link.once.end(run, how);
        process.kill(process.pid, 'SIGKILL');
        return ended;
      };
      const once = new Proxy(link.once, { get: (target, key) => (key === 'end' ? end : bound(target, key)) });
      return new Proxy(link, { get: (target, key) => (key === 'once' ? once : bound(target, key)) });
    },
  };
}

const backend = redis(url);
const node = await createNode({
  backend: DIES === 'when kept' ? dyingWhenKept(backend) : backend,
  namespace,
  name,
  beat: QUICK,
});
await node.serve(
  actor(till, {
    pay: async ({ to }) => {
      process.send?.({ paid: to });
      await sleep(Number(holdMs));
      return `${to}, paid by ${name}`;
    },
  }),
);
process.on('disconnect', () => void node.close().then(() => process.exit(0)));
process.send?.({ ready: node.id });
