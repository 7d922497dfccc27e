import { Session } from './session.js';

/** A subject that failed this often in one work is not tried again in it. */
const FAILURES = 2;

/**
 * @typedef {object} Result
 * @property {string} node version, as `24.1.0`
 * @property {import('./works.js').Work} work
 * @property {string} subject
 * @property {import('./works.js').Figure[]} figures
 * @property {string[]} errors
 *
 * @typedef {object} Plan
 * @property {{ version: string, execPath: string }} node
 * @property {import('./works.js').Work[]} works
 * @property {string[]} subjects
 * @property {number} runs rounds wanted
 * @property {number} minRuns rounds done even past the budget
 * @property {number} budgetMs no further round begins when it would end past this much time; Infinity for none
 * @property {number} startedAt of the budget, by performance.now()
 * @property {{ redisUrl: string, natsUrl: string }} servers
 * @property {import('./redis-probe.js').RedisProbe} redis
 * @property {(text: string) => void} progress
 */

/**
 * Measures in rounds, A B C A B C, so that what drifts on the machine drifts for all. Works between a service and a
 * caller come first, with the processes of all subjects kept (and quiet while it is not their turn); then, with those
 * gone, the works that need Redis for themselves.
 *
 * @param {Plan} plan
 * @returns {Promise<Result[]>}
 */
export async function runPlan(plan) {
  const results = plan.works.flatMap((work) =>
    plan.subjects
      .filter(work.has)
      .map((subject) => /** @type {Result} */ ({ node: plan.node.version, work, subject, figures: [], errors: [] })),
  );
  await inRounds(
    plan,
    results.filter(({ work }) => work.measure !== undefined),
    sessionMeasure(plan),
  );
  await inRounds(
    plan,
    results.filter(({ work }) => work.measureQuiet !== undefined),
    quietMeasure(plan),
  );
  return results;
}

/**
 * @typedef {object} Measure
 * @property {(result: Result) => Promise<import('./works.js').Figure>} once
 * @property {() => Promise<void>} end
 */

/**
 * @param {Plan} plan
 * @param {Result[]} results
 * @param {Measure} measure
 */
async function inRounds(plan, results, measure) {
  try {
    for (let round = 1; round <= plan.runs && results.length > 0; round++) {
      const startedAt = performance.now();
      for (const result of results) {
        if (result.errors.length >= FAILURES) continue;
        const label = `node ${plan.node.version} · run ${round} · ${result.work.name} · ${result.subject}`;
        plan.progress(label);
        try {
          const figure = await measure.once(result);
          result.figures.push(figure);
          plan.progress(`${label}: ${figure.value.toFixed(result.work.digits)} ${result.work.unit}`);
        } catch (error) {
          result.errors.push(error instanceof Error ? error.message : String(error));
          plan.progress(`${label}: FAILED: ${result.errors.at(-1)?.split('\n')[0]}`);
        }
      }
      const now = performance.now();
      if (round >= plan.minRuns && now - plan.startedAt + (now - startedAt) > plan.budgetMs) break;
    }
  } finally {
    await measure.end();
  }
}

/** @param {Plan} plan */
function envFor({ servers }) {
  return { ...servers, prefix: `bench${process.pid}x${(++envNumber).toString(36)}` };
}
let envNumber = 0;

/**
 * @param {Plan} plan
 * @returns {Measure}
 */
function sessionMeasure(plan) {
  /** @type {Map<string, { session: Session, prefix: string }>} */
  const sessions = new Map();
  return {
    async once({ subject, work }) {
      let entry = sessions.get(subject);
      if (entry === undefined) {
        const env = envFor(plan);
        entry = { session: await Session.start(plan.node.execPath, subject, env), prefix: env.prefix };
        sessions.set(subject, entry);
      }
      try {
        return await /** @type {NonNullable<typeof work.measure>} */ (work.measure)(entry.session);
      } catch (error) {
        // what is left of a failed run would disturb the next
        sessions.delete(subject);
        await entry.session.kill();
        await plan.redis.deleteKeys(entry.prefix);
        throw error;
      }
    },
    async end() {
      for (const { session, prefix } of sessions.values()) {
        await session.close();
        await plan.redis.deleteKeys(prefix);
      }
    },
  };
}

/**
 * @param {Plan} plan
 * @returns {Measure}
 */
function quietMeasure(plan) {
  return {
    async once({ subject, work }) {
      const env = envFor(plan);
      try {
        return await /** @type {NonNullable<typeof work.measureQuiet>} */ (work.measureQuiet)({
          subject,
          env,
          execPath: plan.node.execPath,
          redis: plan.redis,
        });
      } finally {
        await plan.redis.deleteKeys(env.prefix);
      }
    },
    async end() {},
  };
}
