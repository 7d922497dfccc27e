import { actor, contract, createNode, type NodeOptions } from 'homeostat';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

// Usually a unit has a minute to put itself right, and each level five to thirty. Here nobody has that long.
const QUICK = { autonomyMs: 1_000, ackByMs: 500, resolveByMs: 60_000 };

const backend = meetingPoint();
const settings: NodeOptions = {
  backend,
  namespace: process.env['NAMESPACE'] ?? 'example-19',
  alerts: { policy: { severities: { medium: QUICK } } },
};
const jam = { kind: 'paper-jam', message: 'no page for a while' };

/** A service that jams; `repair` says whether it can put itself right. */
const printer = (name: string, repair: () => boolean) =>
  actor(
    contract(name, { methods: { print: {} } }),
    { print: () => undefined },
    {
      onPain: async (alert, ctx) => {
        if (alert.kind !== jam.kind) return;
        const healed = repair();
        console.log(`${name}: told first (${alert.kind}), ${healed ? 'puts itself right' : 'cannot help itself'}`);
        if (healed) await ctx.resolve('paper removed');
      },
    },
  );

const upstairs = await createNode({ ...settings, name: 'upstairs' });
const downstairs = await createNode({ ...settings, name: 'downstairs' });
await upstairs.serve(printer('printer-upstairs', () => true));
await downstairs.serve(printer('printer-downstairs', () => false));

// Somebody else: operations, planning, and who decides in the end.
const office = await createNode({ ...settings, name: 'office' });
const told: { readonly notice: number; readonly line: string }[] = [];
for (const level of ['s3', 's4', 's5'] as const) {
  office.alerts.subscribe({ level, kinds: [jam.kind] }, async ({ source, kind }, ctx) => {
    told.push({ notice: ctx.notice.n, line: `${level}: ${source.service} ${kind}` });
    if (level === 's5') await ctx.ack('responding', { note: 'somebody is on the way' });
  });
}

const first = await upstairs.pain({ ...jam, service: 'printer-upstairs' });
const second = await downstairs.pain({ ...jam, service: 'printer-downstairs' });

await until('the end of it', async () => {
  const alerts = await office.alerts.list({ kind: jam.kind, state: 'all' });
  return told.length === 3 && alerts.every(({ state }) => state === 'resolved' || state === 'acked');
});
// In the order in which they were given; each subscriber takes its own time.
for (const { line } of told.toSorted((one, other) => one.notice - other.notice)) console.log(line);
for (const { id } of [first, second]) {
  const alert = await office.alerts.get(id);
  console.log(`${alert?.source.service}: ${alert?.state}, reached ${alert?.level}`);
}

for (const node of [office, downstairs, upstairs]) await node.close();
