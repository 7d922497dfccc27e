import { makePlan } from './plan.ts';
import { render } from './history.ts';
import { check } from './checks/all.ts';
import { simulate } from './simulate.ts';
import { unkeyed } from './workloads/unkeyed.ts';
const from = Number(process.argv[2] ?? 1);
const to = Number(process.argv[3] ?? from);
const t0 = process.cpuUsage();
let tasks = 0, hap = 0, bad = 0;
for (let seed = from; seed <= to; seed += 1) {
  const played = await simulate(makePlan(seed, [unkeyed]));
  tasks += played.tasks; hap += played.history.length;
  const troubles = check(played.history);
  if (troubles.length > 0) { bad += 1; console.log(seed, troubles.join('\n').slice(0, 1500)); }
  if (process.env['SHOW']) console.log(render(played.history));
}
const { user, system } = process.cpuUsage(t0);
console.log({ tasks, hap, bad, ms: (user + system) / 1000 });
