import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { httpProbe } from '../src/http-probe.ts';

async function serve(t: ExecutionContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const patient = (): AbortSignal => AbortSignal.timeout(10_000);

test('200 and 204 are healthy, 500 is not, with the reason (S3-08, S4-19)', async (t) => {
  const base = await serve(t, (request, response) => {
    response.statusCode = Number(request.url?.slice(1, 4));
    response.end('body');
  });
  t.is(await httpProbe(`${base}/200`)(patient()), 'healthy');
  t.is(await httpProbe(`${base}/204`)(patient()), 'healthy');
  t.deepEqual(await httpProbe(`${base}/500?token=secret`)(patient()), {
    status: 'unhealthy',
    reason: `GET ${base}/500: status 500`,
  });
  t.like(await httpProbe(`${base}/301`)(patient()), { status: 'unhealthy', reason: `GET ${base}/301: status 301` });
  t.is(await httpProbe(`${base}/418`, { expectedStatus: [418] })(patient()), 'healthy');
  t.like(await httpProbe(`${base}/200`, { expectedStatus: [418] })(patient()), { status: 'unhealthy' });
});

test('a server that does not answer in time, or is not there, is unhealthy with the reason (S3-08, S4-19)', async (t) => {
  const silent = await serve(t, () => {});
  t.deepEqual(await httpProbe(silent)(AbortSignal.timeout(50)), {
    status: 'unhealthy',
    reason: `GET ${silent}/: no answer in time`,
  });
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  t.deepEqual(await httpProbe(`http://127.0.0.1:${port}`)(patient()), {
    status: 'unhealthy',
    reason: `GET http://127.0.0.1:${port}/: ECONNREFUSED`,
  });
});

test('headers are sent, and a password of the URL as authorization, which no reason names', async (t) => {
  let seen: Readonly<Record<string, unknown>> = {};
  const base = await serve(t, ({ headers }, response) => {
    seen = headers;
    response.statusCode = 500;
    response.end();
  });
  const url = base.replace('http://', 'http://user:p%40ss@');
  const answer = await httpProbe(url, { headers: { 'x-probe': '1' } })(patient());
  t.like(seen, { 'x-probe': '1', authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}` });
  t.false(JSON.stringify(answer).includes('ss'));
});

test('what is no URL is refused at once', (t) => {
  t.throws(() => httpProbe('not a url'));
});
