import type { Workload } from '../plan.ts';
import { unkeyed } from './unkeyed.ts';

export const WORKLOADS: readonly Workload[] = [unkeyed];
