/** Homeostat's core: contracts, actors, nodes, and a memory backend for one process. */

// What users declare
export {
  contract,
  type Contract,
  type ErrorCode,
  type ErrorDetails,
  type Input,
  type Item,
  type MethodSpec,
  type MethodSpecs,
  type Output,
  type StateSchema,
} from './contract/contract.ts';
export type { FairBy, Priority } from './contract/lines.ts';
export { actor, type Actor, type Context, type Handler, type Handlers } from './contract/actor.ts';
export type { KeyState } from './contract/key-state.ts';
export type { ActorOptions } from './node/options.ts';
export type { StandardSchema } from './contract/standard-schema.ts';

export { topic, type Keep, type Retention, type Topic, type TopicOptions } from './contract/topic.ts';

// What runs it
export { createNode } from './node/create-node.ts';
export type {
  ActorNode,
  Middleware,
  NodeAlerts,
  NodeCache,
  NodeConfig,
  NodeHealth,
  NodeLink,
  NodeOptions,
  NodeRegistry,
  NodeSchedules,
  NodeStats,
  NodeTopics,
} from './node/node.ts';
export type { ServeOptions } from './serving/serve.ts';
export { loadActors, type BrokenActor, type LoadedActor, type LoadedActors } from './node/load-actors.ts';
export { serveDirectory, type ServedDirectory, type ServeDirectoryOptions } from './node/serve-directory.ts';
export type { NodeSettings } from './node/options.ts';
export type { InstanceEvent, NodeEvents, NodeListener } from './node/events.ts';

// What it knows of the others
export type { Instance } from './registry/instance.ts';
export type { InstanceFilter } from './registry/filter.ts';
export type { Lease } from './registry/lease.ts';
export type { Mark, MarkOptions, MarkStatus } from './registry/marks.ts';
export type { AcquireOptions, PickOptions } from './registry/registry.ts';
export type { LookupStats, ServiceLookups } from './registry/lookups.ts';
export type { ServiceSummary } from './registry/views.ts';
export type { SelectAsk, SelectFunction } from './balance/strategy.ts';
export type { InstanceStatus, NodeReport, NodeVitals } from './ports/report.ts';

// How it and they fare
export type { MailboxNumbers } from './scaling/scaler.ts';

// What protects calls
export type { BreakerPhase, BreakerPolicy, BreakerState } from './ports/breakers.ts';
export type { BreakerHandle } from './breaker/handle.ts';
export { countsForBreaker } from './breaker/counts.ts';
export { withRetry, type RetryOptions } from './resilience/with-retry.ts';
export { withDeadline } from './resilience/with-deadline.ts';
export { retryPolicy } from './resilience/policies.ts';
export type {
  BreakerSetting,
  CachePolicy,
  CacheSetting,
  CanaryPolicy,
  ClaimCheckPolicy,
  ClaimCheckSetting,
  Delivery,
  MethodSettings,
  RetryPolicy,
  RetrySetting,
  ScalePolicy,
  WhenFull,
  ServicePolicy,
  ServiceSettings,
} from './policies/service-settings.ts';
export type { ConcurrencyLimit, LimitPer, LimitsPolicy, LimitsSetting, RateLimit } from './limits/settings.ts';
export type { LiveSetting, SetOptions, SettingChange } from './config/live.ts';

// What hurts, and who is told
export type {
  AckType,
  Alert,
  AlertDigest,
  AlertLevel,
  AlertSource,
  AlertState,
  AlertType,
  AttenuatedBy,
  DigestGroup,
  HeldBy,
  HistoryEntry,
  Notice,
  NoticeWhy,
  RaiseOptions,
  Resolution,
  Severity,
} from './alerts/alert.ts';
export { alertSchema as AlertSchema } from './alerts/alert-schema.ts';
export type { AlertsStats } from './alerts/alerts.ts';
export type { Condition, ConditionOptions } from './alerts/condition.ts';
export type { AckOptions, AckWord, ResolveOptions } from './alerts/handling.ts';
export type { AlertsOptions } from './alerts/options.ts';
export { DEFAULT_ALERT_POLICY, type AlertPolicy, type SeverityPolicy } from './alerts/policy.ts';
export type { AlertPolicyOverrides } from './alerts/policy-schema.ts';
export type { AlertQuery } from './alerts/reading.ts';
export type { Silence, SilenceMatcher } from './alerts/silence.ts';
export type { SilenceOptions } from './alerts/silences.ts';
export { logSink, type LogSinkOptions } from './alerts/sinks/log.ts';
export type { SourcesOptions } from './alerts/sources/options.ts';
export type { AlertStats } from './alerts/statistics.ts';
export type {
  AlertContext,
  AlertFilter,
  AlertHandler,
  AlertSink,
  AlertSubscription,
  SubscribeOptions,
} from './alerts/subscriber.ts';

// What all nodes keep together
export type { State } from './state/state.ts';
export type { StateLifetime, StateOptions, StateSetOptions } from './state/options.ts';
export type { StatePipeline, PipelineResult, PipelineResults, Queued } from './state/pipeline.ts';
export type { CasResult, StateEntry } from './state/steps.ts';
export type { MultiResult, StateTransaction } from './state/transaction.ts';

// What happens by the clock
export type { TickContext, TickFunction, Ticking } from './schedules/functions.ts';
export type { CronOptions, FunctionOptions, ScheduleOptions } from './schedules/options.ts';
export type { ScheduleSpec } from './schedules/schedules.ts';
export type { Schedule } from './schedules/view.ts';
export type { When } from './schedules/when.ts';
// What is told to many
export type { TopicContext, TopicHandler } from './topics/context.ts';
export type {
  EveryNodeOptions,
  From,
  GroupOptions,
  PatternSchema,
  PublishOptions,
  TopicSubscribeOptions,
} from './topics/options.ts';
export type { Subscription } from './topics/subscription.ts';
export type { TopicStats } from './topics/topic-room.ts';
export type { DroppedGroup, GroupState, TopicState } from './ports/topics.ts';

// What stands around calls and handlers
export type { ClientMiddleware, ClientRequest, Next, ServerMiddleware, ServerRequest } from './calling/middleware.ts';
export { logging, type Logging, type LoggingOptions } from './calling/logging.ts';

// What calls it
export type {
  CallError,
  Caller,
  CallFacts,
  CallResult,
  Client,
  ClientOptions,
  DeclaredError,
  Result,
  RuntimeCode,
  StreamCaller,
} from './calling/client.ts';
export type { BatchOptions, BatchPart, BatchParts, BatchResults } from './calling/batching.ts';
export type { NamedClient } from './calling/named-client.ts';
export type { CloseOptions } from './ground/close-options.ts';
export type { ItemStream } from './streaming/item-stream.ts';
export type { CastOptions, RequestOptions, StreamOptions } from './calling/request-options.ts';
export type { DeadLetter, DeadLetters } from './node/dead-letters.ts';
export type { HistoryItem, MailboxDepth } from './ports/broker.ts';

// What carries it
export { memory } from './backends/memory.ts';
export type { Backend } from './backend.ts';
export type { Log } from './ground/log.ts';

// How it fares
export type { CheckOptions } from './health/check-options.ts';
export type { CheckAnswer, CheckFn } from './health/probes/answer.ts';
export type { HealthMoment } from './health/history.ts';
export type { Liveness, Readiness } from './health/readiness.ts';
export { healthRecordSchema, type HealthOverview, type HealthRecord } from './health/record.ts';

// What goes wrong
export {
  Aborted,
  ActorError,
  AlertNotFound,
  BackendFull,
  CallCycle,
  CallTimeout,
  CheckFailed,
  CircuitOpen,
  ClaimedBodyGone,
  ConfigError,
  FrameInvalid,
  HandlerError,
  HandlerTimeout,
  HomeostatError,
  KeyRequired,
  LayoutMismatch,
  LimitReached,
  MailboxFull,
  MethodNotFound,
  NodeClosed,
  NoHealthyInstances,
  NotMember,
  Overloaded,
  PayloadTooLarge,
  RestartRequired,
  RetryBudgetExhausted,
  RevisionConflict,
  SerializationError,
  ServiceDisabled,
  ServiceNotFound,
  StateInvalid,
  StreamBroken,
  TransportError,
  ValidationError,
  WorkerError,
  type Issue,
  type Outcome,
} from './ground/errors.ts';
