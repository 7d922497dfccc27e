import type { Workload } from '../plan.ts';
import { keyed } from './keyed.ts';
import { once } from './once.ts';
import { unkeyed } from './unkeyed.ts';

export const WORKLOADS: readonly Workload[] = [unkeyed, once, keyed];
