/** Homeostat's core: contracts, actors, nodes, and a memory backend for one process. */

// What users declare
export {
  contract,
  type Contract,
  type ErrorCode,
  type ErrorDetails,
  type Input,
  type MethodSpec,
  type MethodSpecs,
  type Output,
} from './contract.ts';
export { actor, type Actor, type Context, type Handler, type Handlers } from './actor.ts';
export type { ActorOptions } from './options.ts';
export type { StandardSchema } from './standard-schema.ts';

// What runs it
export {
  createNode,
  type ActorNode,
  type BatchResults,
  type NodeHealth,
  type NodeOptions,
  type NodeStats,
} from './node.ts';
export type { ServeOptions } from './serve.ts';
export type { NodeSettings } from './options.ts';

// What calls it
export type { CallError, Caller, Client, ClientOptions, DeclaredError, Result, RuntimeCode } from './client.ts';
export type { CastOptions, RequestOptions } from './request-options.ts';
export type { DeadLetter, DeadLetters } from './dead-letters.ts';
export type { HistoryItem, MailboxDepth } from './broker.ts';

// What carries it
export { memory } from './backends/memory.ts';
export type { Backend } from './backend.ts';
export type { Log } from './log.ts';

// What goes wrong
export {
  Aborted,
  ActorError,
  BackendFull,
  CallTimeout,
  ConfigError,
  FrameInvalid,
  HandlerError,
  HandlerTimeout,
  HomeostatError,
  LayoutMismatch,
  MailboxFull,
  MethodNotFound,
  NodeClosed,
  NotMember,
  PayloadTooLarge,
  SerializationError,
  TransportError,
  ValidationError,
  WorkerError,
  type Issue,
  type Outcome,
} from './errors.ts';
