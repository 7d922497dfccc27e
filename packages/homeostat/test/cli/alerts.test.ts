/** `homeostat alerts`: each action once, for machines and for people, beside a node that others have subscribed on. */
import test from 'ava';
import { actor, contract, createNode, type ActorNode, type Alert, type Notice } from '../../src/index.ts';
import { waitFor } from '../../src/testing.ts';
import { commandLine, startHomeostat, startRedis, type RedisServer } from '../house.ts';

process.env['LOG_LEVEL'] ??= 'silent';
const NAMESPACE = `cli-alerts-${process.pid}`;
const SOON_MS = 10_000;
const PERSON = /^.+@.+$/;

let server: RedisServer;
let node: ActorNode;
/** Kinds that operations were told of. */
const told: string[] = [];

const { json, text, refused, run } = commandLine(NAMESPACE, () => server);
const soon = (what: string) => ({ withinMs: SOON_MS, what });

test.before(async () => {
  server = await startRedis();
  const alerts = { sources: false } as const;
  node = await createNode({ redis: server.url, namespace: NAMESPACE, name: 'live', signals: false, alerts });
  node.alerts.subscribe({ level: 's3' }, ({ kind }) => told.push(kind), { name: 'operations' });
  node.alerts.subscribe({ level: 's4' }, () => undefined, { name: 'planning' });
  // Resolves when the others know what this node does; who raises must know who hears.
  await node.serve(actor(contract('idle', { methods: { rest: {} } }), { rest: () => undefined }));
});

test.after.always(async () => {
  await node?.close();
  await server?.end();
});

/** Raises a high one and answers its id. */
async function raised(kind: string, service?: string): Promise<string> {
  return (await node.pain({ kind, message: `${kind} hurts`, severity: 'high', service })).id;
}

test.serial('raise tells those who have subscribed, and show has all that became of it (S3-62)', async (t) => {
  const words = ['alerts', 'raise', 'disk-full', '--message', '/var has 1 % left'];
  const alert = await json<Alert>(t, ...words, '--severity', 'high', '--service', 'orders');
  t.like(alert, { type: 'pain', kind: 'disk-full', severity: 'high', state: 'open', source: { service: 'orders' } });
  t.is(alert.unrouted, undefined);
  t.regex(String(alert.metrics?.['by']), PERSON);
  await waitFor(() => told.includes('disk-full'), soon('operations to be told'));

  t.like(await json(t, 'alerts', 'show', alert.id), { id: alert.id, history: [{ event: 'raised' }] });
  const shown = await text(t, 'alerts', 'show', alert.id);
  t.regex(shown, /^message +\/var has 1 % left$/m);
  t.regex(shown, /^AT +EVENT +BY +NOTE\n.+ raised /m);
  t.regex(shown, /^NOTICE +AT +WHY +TO\n +1 .+ raised +s1 s3$/m);
  await refused(t, 'ALERT_NOT_FOUND', 'alerts', 'show', 'nothing');
  await refused(t, 'VALIDATION', 'alerts', 'raise', 'disk-full', '--message', '');
  await node.alerts.resolve(alert.id);
});

test.serial('list shows what is open, the worst first, or what is asked for (S3-62)', async (t) => {
  const medium = await json<Alert>(t, 'alerts', 'raise', 'list-medium', '--message', 'lasts');
  const critical = await node.pain({ kind: 'list-critical', message: 'burns', severity: 'critical' });
  const high = await raised('list-high', 'orders');
  const kinds = async (...words: string[]) =>
    (await json<{ alerts: Alert[] }>(t, 'alerts', ...words)).alerts.map(({ kind }) => kind);
  t.deepEqual(await kinds(), ['list-critical', 'list-high', 'list-medium']);
  t.deepEqual(await kinds('list', '--severity', 'high'), ['list-high']);
  t.deepEqual(await kinds('--service', 'orders', '--since', '1h'), ['list-high']);
  t.deepEqual(await kinds('--kind', 'list-medium'), ['list-medium']);
  t.deepEqual(await kinds('--state', 'resolved'), ['disk-full']);
  t.like(await json(t, 'alerts', '--limit', '1'), { total: 3, alerts: [{ kind: 'list-critical' }] });
  const [head = '', row = '', rest] = (await text(t, 'alerts', '--limit', '1')).split('\n');
  t.is(row.indexOf('critical'), head.indexOf('SEVERITY'));
  t.true(row.startsWith(critical.id) && row.endsWith('burns'));
  t.is(rest, 'and 2 more: --limit 3 shows them');
  for (const id of [medium.id, critical.id, high]) await node.alerts.resolve(id);
  t.is(await text(t, 'alerts'), 'there is no such alert\n');
});

test.serial('ack, escalate and resolve say who did it, and why (S3-62)', async (t) => {
  const id = await raised('handled');
  const acked = await json<Alert>(t, 'alerts', 'ack', id, 'investigating', '--note', 'looking', '--eta', '20m');
  t.like(acked, { state: 'acked', ackType: 'investigating', ackNote: 'looking' });
  t.regex(acked.ackedBy!, PERSON);
  const inMs = acked.eta! - node.now();
  t.true(inMs > 1_100_000 && inMs <= 1_200_000, String(inMs));
  t.regex(await text(t, 'alerts', 'ack', id), new RegExp(`^${id} +high +acked +s3 .+@`, 'm'));

  t.like(await json(t, 'alerts', 'escalate', id, '--reason', 'beyond me'), { state: 'open', level: 's4' });
  t.like(await json(t, 'alerts', 'ack', id, 'escalated', '--note', 'beyond us'), { level: 's5' });
  const over = await json<Alert>(t, 'alerts', 'resolve', id, '--note', 'restarted');
  t.like(over, { state: 'resolved', resolution: 'resolved' });
  t.regex(over.resolvedBy!, PERSON);
  t.true(over.history.some(({ event, note }) => event === 'resolved' && note === 'restarted'));
  t.regex(await text(t, 'alerts', 'ack', await raised('unreal'), 'false_alarm'), /resolved, false_alarm/);
  const unreal = await json(t, 'alerts', 'resolve', await raised('unreal-too'), '--false-alarm');
  t.like(unreal, { resolution: 'false_alarm' });
  for (const words of [['ack'], ['resolve'], ['escalate', '--reason', 'x']])
    await refused(t, 'ALERT_NOT_FOUND', 'alerts', ...words, 'nothing');
});

test.serial('stats counts what there was and how it ended (S3-62, S3-63)', async (t) => {
  const figures = await json<{ falseAlarms: number; resolved: number }>(t, 'alerts', 'stats', '--window', '1h');
  t.like(figures, { bySeverity: { critical: 1 }, open: 0, escalated: 1, falseAlarms: 2, unrouted: 1 });
  t.false('here' in figures);
  t.regex(await text(t, 'alerts', 'stats'), /^false alarms +2 \(\d+ %\)$/m);
});

test.serial('a silence holds back until its end, or until it is taken away (S3-62)', async (t) => {
  const words = ['alerts', 'silence', '--kind', 'disk-*', '--service', 'orders', '--reason', 'replacing it'];
  const silence = await json<{ id: string; author: string; undo: string }>(t, ...words, '--for', '2h');
  t.like(silence, { matcher: { kinds: ['disk-*'], services: ['orders'] }, reason: 'replacing it', force: false });
  t.regex(silence.author, PERSON);
  await waitFor(() => node.alerts.silences().length === 1, soon('the node to hear of it'));
  const id = await raised('disk-slow', 'orders');
  t.like(await json(t, 'alerts', 'show', id), { held: { by: 'silence' } });
  t.regex(await text(t, 'alerts'), /open, held by silence/);
  t.like(await json(t, 'alerts', 'silences'), { silences: [{ id: silence.id }] });
  t.regex(await text(t, 'alerts', 'silences'), /kinds disk-\*; services orders +replacing it$/m);

  t.false(told.includes('disk-slow'));
  t.deepEqual(await json(t, ...silence.undo.split(' ').slice(1)), { id: silence.id, silenced: false });
  await waitFor(() => told.includes('disk-slow'), soon('what was held back to be told'));
  t.is(await text(t, 'alerts', 'silences'), 'nothing is silenced\n');
  await refused(t, 'CONFIG', 'alerts', 'unsilence', silence.id);
  const critical = ['alerts', 'silence', '--severity', 'critical', '--reason', 'drill', '--for', '5s'];
  await refused(t, 'CONFIG', ...critical);
  const forced = await text(t, ...critical, '--tag', 'drill', '--force');
  t.regex(forced, /severities critical; tags drill; critical too +drill\nto undo it: homeostat alerts unsilence /);
  await node.alerts.resolve(id);
});

test.serial('clear ends what nobody reports any more, and nothing else (S3-62)', async (t) => {
  await json(t, 'alerts', 'raise', 'drill', '--message', 'by hand', '--severity', 'high');
  t.like(await json(t, 'alerts', 'clear', 'drill'), { alerts: [{ state: 'resolved', resolution: 'cleared' }] });
  const id = await raised('felt', 'orders');
  t.regex(await text(t, 'alerts', 'clear', 'felt', '--service', 'orders'), /still felt by a node/);
  t.is((await node.alerts.get(id))?.state, 'open');
  await refused(t, 'ALERT_NOT_FOUND', 'alerts', 'clear', 'felt');
  await node.alerts.resolve(id);
});

test.serial('the policy is shown path by path, changed on all nodes, and taken back (S3-62)', async (t) => {
  const ackByMs = () => node.alerts.policy.severities.high.ackByMs;
  const usual = ackByMs();
  t.like(await json(t, 'alerts', 'policy'), { severities: { high: { ackByMs: usual } } });
  const changed = await text(t, 'alerts', 'configure', 'severities.high.ackByMs=600000', 'bypassKinds=["fire"]');
  t.regex(changed, new RegExp(`^severities\\.high\\.ackByMs=600000 {2}\\(default ${usual}\\)$`, 'm'));
  await waitFor(() => ackByMs() === 600_000, soon('the node to hear of it'));
  await json(t, 'alerts', 'configure', 'severities.high.maxRepeats=null');
  await waitFor(() => node.alerts.policy.severities.high.maxRepeats === null, soon('the node to hear of it'));
  t.deepEqual([ackByMs(), node.alerts.policy.bypassKinds], [600_000, ['fire']]);
  await refused(t, 'CONFIG', 'alerts', 'configure', 'severities.high.ackBy=1');
  t.like(await json(t, 'alerts', 'configure', '--replace'), { severities: { high: { ackByMs: usual } } });
  await waitFor(() => ackByMs() === usual, soon('the node to hear of it'));
  t.notRegex(await text(t, 'alerts', 'policy'), /default/);
});

test.serial('watch shows notices as they come, takes nothing away, and ends when interrupted (S3-62)', async (t) => {
  const words = ['--redis', server.url, '--namespace', NAMESPACE, 'alerts', 'watch'];
  const watches = [
    startHomeostat([...words, '--json', '--level', 's3', '--min-severity', 'high']),
    startHomeostat(words),
  ] as const;
  const [machine, person] = watches;
  await node.pain({ kind: 'watched-low', message: 'too little for one of them', severity: 'medium' });
  const id = await raised('watched', 'orders');
  await waitFor(() => watches.every((one) => one.lines().some((line) => line.includes(id))), soon('the first notices'));
  await raised('watched-later', 'orders');
  await waitFor(() => machine.lines().length >= 2 && person.lines().length >= 3, soon('the notices'));
  await waitFor(() => told.includes('watched') && told.includes('watched-later'), soon('operations to be told'));

  const ended = await Promise.all([machine.end('SIGINT'), person.end('SIGTERM')]);
  for (const { code, err } of ended) t.deepEqual([code, err], [0, '']);
  const said = machine.lines().map((line) => JSON.parse(line) as { alert: Alert; notice: Notice });
  t.like(said, [
    { alert: { id, kind: 'watched' }, notice: { n: 1, why: 'raised', to: ['s1', 's3'] } },
    { alert: { kind: 'watched-later' } },
  ]);
  t.is(said.length, 2);
  t.regex(
    person.lines().join('\n'),
    new RegExp(`^20.+Z {2}high {6}raised {5}s1 s3 +${id} +orders +watched +watched hurts$`, 'm'),
  );
  await waitFor(() => node.registry.nodes().length === 1, soon('the command line to have left'));
  t.is((await run('alerts', '--state', 'all')).code, 0);
});
