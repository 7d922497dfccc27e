/** Homeostat's front door: everything of the core, the Redis backend, and a `createNode` that takes either. */
export * from '@homeostat/core';
export { redis, type RedisBackendOptions } from '@homeostat/redis';
export { createNode, type NodeOptions } from './create-node.ts';
export { httpProbe, type HttpProbeOptions } from './http-probe.ts';
export { webhook, type WebhookOptions } from './sinks/webhook.ts';
export { verifyWebhook, type VerifyWebhookOptions } from './sinks/signature.ts';
export { command, type CommandOptions } from './sinks/command.ts';
export type { SinkMessage } from './sinks/message.ts';
