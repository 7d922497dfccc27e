import { memory } from '../backends/memory.ts';
import { Balancer } from '../balance/balancer.ts';
import { readConfigFile } from '../config/file.ts';
import { defaultLog } from '../ground/log.ts';
import { parseOptions } from '../ground/parse-options.ts';
import { Policies } from '../policies/policies.ts';
import { Profiles } from '../policies/profiles.ts';
import { assemble, type NodeParts } from './assemble.ts';
import { Emitter } from './events.ts';
import { close } from './life/closing.ts';
import { open } from './life/opening.ts';
import type { ActorNode, NodeOptions } from './node.ts';
import { nodeSettingsSchema, type NodePolicy } from './options.ts';
import { RunningNode } from './running-node.ts';

/**
 * Starts a node: resolves when it is a member, its inbox is open, it beats and knows the others, and what it `requires`
 * is there.
 * @throws ConfigError naming a wrong option; TransportError when the backend cannot be reached; ServiceNotFound or
 * NoHealthyInstances for what it requires in vain.
 */
export async function createNode(options: NodeOptions = {}): Promise<ActorNode> {
  const { backend = memory(), log = defaultLog(), middleware = [], strategies = {}, ...settings } = options;
  const policy = parseOptions(nodeSettingsSchema, settings, 'createNode');
  const balancer = new Balancer({ log });
  for (const [name, select] of Object.entries(strategies)) balancer.register(name, select);
  const policies = await policiesOf(policy, balancer);
  const link = await backend.connect({ name: policy.name, namespace: policy.namespace, beat: policy.beat, log });
  const around = [middleware].flat();
  const needs = {
    link,
    policy,
    policies,
    log,
    balancer,
    events: new Emitter(log),
    clientMiddleware: around.flatMap(({ client }) => client ?? []),
    serverMiddleware: around.flatMap(({ server }) => server ?? []),
  };
  let parts: NodeParts | undefined;
  try {
    parts = assemble(needs);
    await open(parts);
    if (policy.requires.length > 0)
      await parts.shared.registry.waitFor(policy.requires, { timeoutMs: policy.requiresTimeoutMs });
  } catch (thrown) {
    if (parts?.standing.member === true) await close(parts, 0);
    else await link.close();
    throw thrown;
  }
  return new RunningNode(parts, backend);
}

async function policiesOf(policy: NodePolicy, balancer: Balancer): Promise<Policies> {
  const file = policy.config === undefined ? {} : await readConfigFile(policy.config);
  return new Policies({
    defaults: { ...file.defaults, ...policy.defaults },
    file: file.services,
    code: policy.services,
    profiles: new Profiles(policy.profiles),
    checkStrategy: (name) => balancer.check(name),
  });
}
