/** What `health.of()` and its like answer, and the schema of it. */
import { z } from 'zod';
import { isRoutable } from '../registry/instance.ts';
import type { InstanceStatus } from '../ports/report.ts';
import type { InstanceView } from './needs.ts';

/** `expired`: whoever served it has died. `unknown`: nobody serves it, and nothing is known of those who did. */
export type ServiceStatus = 'healthy' | 'degraded' | 'unhealthy' | 'starting' | 'draining' | 'expired' | 'unknown';

export interface InstanceRecord {
  readonly nodeId: string;
  readonly version: string;
  readonly status: InstanceStatus;
  readonly reason?: string | undefined;
  /** 0 to 1. */
  readonly score: number;
  readonly responseMs?: number | undefined;
}

/** How a service fares, over all its instances. */
export interface HealthRecord {
  readonly service: string;
  /** At least one instance can take work. */
  readonly isHealthy: boolean;
  /** `degraded` where some instances are well and others are not. */
  readonly status: ServiceStatus;
  /** Mean of the instances that can take work, 0 to 1. */
  readonly score: number;
  /** Mean of the instances that are measured, ms. */
  readonly responseMs?: number | undefined;
  /** When this node checked it last, ms since the epoch; absent where it does not. */
  readonly lastCheck?: number | undefined;
  readonly healthyInstances: number;
  readonly instances: readonly InstanceRecord[];
  /** What this node knows more of it: its checks, and how much of its work fails. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Why it is not healthy, or not wholly. */
  readonly error?: string | undefined;
}

/** All services at a glance. */
export interface HealthOverview {
  readonly total: number;
  readonly healthy: number;
  readonly unhealthy: number;
  /** Over those that are measured, ms. */
  readonly averageResponseMs?: number | undefined;
  readonly services: readonly Pick<HealthRecord, 'service' | 'status' | 'score' | 'responseMs' | 'lastCheck'>[];
}

const score = z.number().min(0).max(1);
const time = z.number().min(0).optional();
const instanceStatus = ['starting', 'healthy', 'degraded', 'unhealthy', 'draining'] as const;

export const healthRecordSchema: z.ZodType<HealthRecord> = z.object({
  service: z.string().min(1),
  isHealthy: z.boolean(),
  status: z.enum([...instanceStatus, 'expired', 'unknown']),
  score,
  responseMs: time,
  lastCheck: time,
  healthyInstances: z.number().int().min(0),
  instances: z.array(
    z.object({
      nodeId: z.string(),
      version: z.string(),
      status: z.enum(instanceStatus),
      reason: z.string().optional(),
      score,
      responseMs: time,
    }),
  ),
  details: z.record(z.string(), z.unknown()),
  error: z.string().optional(),
});

/** What is known here beside the instances. */
export interface LocalFacts {
  readonly lastCheck?: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  /** What the service is where it has no instance. */
  readonly absent: 'expired' | 'unknown';
}

export function healthRecord(service: string, views: readonly InstanceView[], local: LocalFacts): HealthRecord {
  const instances = views.map(instanceRecord);
  const able = instances.filter(({ status }) => isRoutable(status));
  const wrong = instances.find(({ status }) => status !== 'healthy');
  const responseMs = mean(instances.map((instance) => instance.responseMs));
  return {
    service,
    isHealthy: able.length > 0,
    status: serviceStatus(instances, able, local.absent),
    score: mean(able.map((instance) => instance.score)) ?? 0,
    ...(responseMs === undefined ? undefined : { responseMs }),
    ...(local.lastCheck === undefined ? undefined : { lastCheck: local.lastCheck }),
    healthyInstances: able.length,
    instances,
    details: local.details,
    ...(instances.length === 0
      ? { error: 'it has no instance' }
      : wrong && {
          error: `${wrong.nodeId} is ${wrong.status}${wrong.reason === undefined ? '' : `: ${wrong.reason}`}`,
        }),
  };
}

export function healthOverview(records: readonly HealthRecord[]): HealthOverview {
  const averageResponseMs = mean(records.map(({ responseMs }) => responseMs));
  const healthy = records.filter(({ isHealthy }) => isHealthy).length;
  return {
    total: records.length,
    healthy,
    unhealthy: records.length - healthy,
    ...(averageResponseMs === undefined ? undefined : { averageResponseMs }),
    services: records.map(({ service, status, score, responseMs, lastCheck }) => ({
      service,
      status,
      score,
      responseMs,
      lastCheck,
    })),
  };
}

function instanceRecord({ nodeId, version, status, reason, score = 1, responseMs }: InstanceView): InstanceRecord {
  return {
    nodeId,
    version,
    status,
    ...(reason === undefined ? undefined : { reason }),
    score,
    ...(responseMs === undefined ? undefined : { responseMs }),
  };
}

function serviceStatus(
  all: readonly InstanceRecord[],
  able: readonly InstanceRecord[],
  absent: LocalFacts['absent'],
): ServiceStatus {
  const [first] = all;
  if (first === undefined) return absent;
  if (all.every(({ status }) => status === first.status)) return first.status;
  return able.length > 0 ? 'degraded' : 'unhealthy';
}

/** Over what is measured; undefined where nothing is. */
function mean(values: readonly (number | undefined)[]): number | undefined {
  const measured = values.filter((value) => value !== undefined);
  return measured.length === 0 ? undefined : measured.reduce((sum, value) => sum + value, 0) / measured.length;
}
