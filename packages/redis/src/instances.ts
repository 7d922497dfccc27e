/** The index by service as a node writes it: for each service its own report with nothing but that service in it. Pure. */
import { serviceOf } from './keys.ts';

/** Service → entry of the index, JSON. */
export type Instances = ReadonlyMap<string, string>;

/** What a report, JSON, puts into the index; nothing when it cannot be read. */
export function instancesOf(report: string): Instances {
  const facts = parsed(report);
  const instances = new Map<string, string>();
  for (const [service, serves] of servedByService(facts)) {
    instances.set(service, JSON.stringify({ ...facts, serves: Object.fromEntries(serves) }));
  }
  return instances;
}

/** What to write so that the index says `after` instead of `before`: service, entry (`''` = it went), service, … */
export function changedInstances(before: Instances, after: Instances): string[] {
  const changes: string[] = [];
  for (const [service, entry] of after) if (before.get(service) !== entry) changes.push(service, entry);
  for (const service of before.keys()) if (!after.has(service)) changes.push(service, '');
  return changes;
}

/** The report of a node whose main thread hangs, which cannot say so itself. One that drains goes on draining. */
export function stalled(report: string): string {
  const facts = parsed(report);
  const serves = Object.entries(objectOf(facts['serves'])).map(([mailbox, served]) => [
    mailbox,
    unhealthy(objectOf(served)),
  ]);
  return JSON.stringify({ ...unhealthy(facts), serves: Object.fromEntries(serves) });
}

function unhealthy(facts: Facts): Facts {
  return facts['status'] === 'draining' ? facts : { ...facts, status: 'unhealthy', reason: 'its main thread hangs' };
}

type Facts = Readonly<Record<string, unknown>>;

function servedByService(facts: Facts): Map<string, [mailbox: string, served: unknown][]> {
  const services = new Map<string, [mailbox: string, served: unknown][]>();
  for (const [mailbox, served] of Object.entries(objectOf(facts['serves']))) {
    const service = serviceOf(mailbox);
    const known = services.get(service);
    if (known === undefined) services.set(service, [[mailbox, served]]);
    else known.push([mailbox, served]);
  }
  return services;
}

function parsed(report: string): Facts {
  try {
    return objectOf(JSON.parse(report));
  } catch {
    return {};
  }
}

function objectOf(given: unknown): Facts {
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as Facts) : {};
}
