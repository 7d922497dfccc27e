import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ALERT, alertTables, runAlert } from './alert.js';
import { DECISIONS, decisionLines, decisionTables, runDecisions } from './decisions.js';
import { findNode } from './node-versions.js';
import { help, parseOptions } from './options.js';
import { endAll } from './processes.js';
import { writeResults } from './readme.js';
import { RedisProbe } from './redis-probe.js';
import { machineLines, toLines, toTables } from './report.js';
import { runPlan } from './runner.js';
import { startNats, startRedis } from './server.js';
import { subjects } from './subject.js';

const PEERS = ['bullmq', 'moleculer', '@nats-io/transport-node', 'ioredis', 'msgpackr'];

/** @param {string} text */
function progress(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * @param {string[]} argv
 * @returns {Promise<number>} the exit code: 0 when `homeostat`, where it was asked for, has figures in every work
 */
export async function bench(argv) {
  const startedAt = performance.now();
  let options;
  try {
    options = parseOptions(argv);
  } catch (error) {
    progress(`${error instanceof Error ? error.message : error}\n\n${help}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  const given = process.env.REDIS_URL;
  const redisServer = given ? { url: given, stop: async () => {} } : await startRedis();
  // Who takes part in nothing that was asked for is neither started nor named.
  const asked = options.subjects.filter((name) => options.works.some((work) => work.has(name)));
  const natsServer = asked.some((name) => subjects[name].needs.includes('nats')) ? await startNats() : undefined;
  const redis = await RedisProbe.connect(redisServer.url);
  try {
    const names = asked.filter((name) => natsServer !== undefined || !subjects[name].needs.includes('nats'));
    for (const name of asked) if (!names.includes(name)) progress(`${name} is skipped: no nats-server is on the PATH`);
    const results = [];
    const decisions = [];
    const alerts = [];
    for (const major of options.majors) {
      const node = await findNode(major, progress);
      const servers = { redisUrl: redisServer.url, natsUrl: natsServer?.url ?? '' };
      const plan = { ...options, node, startedAt, subjects: names, servers, redis, progress };
      results.push(...(await runPlan(plan)));
      if (options.decisions) decisions.push(await runDecisions(plan));
      if (options.alert) alerts.push(await runAlert(plan));
    }
    const facts = {
      redis: await redis.version(),
      nats: natsServer && (await natsVersion()),
      packages: await packageVersions(),
    };
    const page = [machineLines(facts, names), toTables(results), decisionTables(decisions), alertTables(alerts)]
      .filter(Boolean)
      .join('\n\n');
    if (options.write) await writeResults(page);
    (options.json ? process.stderr : process.stdout).write(`\n${page}\n\n`);
    for (const error of new Set(results.flatMap(({ errors }) => errors))) progress(`failed: ${error}\n`);
    progress(`${Math.round((performance.now() - startedAt) / 1_000)} s in all`);
    if (options.json) {
      const apart = [...decisionLines(DECISIONS, decisions), ...decisionLines(ALERT, alerts)];
      process.stdout.write(`${JSON.stringify([...toLines(results), ...apart])}\n`);
    }
    return results.some(({ subject, figures }) => subject === 'homeostat' && figures.length === 0) ? 1 : 0;
  } finally {
    redis.close();
    await natsServer?.stop();
    await redisServer.stop();
    await endAll();
  }
}

async function natsVersion() {
  const { stdout } = await promisify(execFile)('nats-server', ['--version']);
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? stdout.trim();
}

async function packageVersions() {
  /** @type {Record<string, string>} */
  const versions = {};
  for (const name of PEERS) {
    versions[name] = JSON.parse(
      await readFile(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8'),
    ).version;
  }
  return versions;
}
