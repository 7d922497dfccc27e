/** Which instances of a service are meant. */
import type { InstanceStatus } from '../ports/report.ts';
import { isRoutable, type Instance } from './instance.ts';

export interface InstanceFilter {
  /** Default: those that work may be sent to, `healthy` and `degraded`. */
  readonly status?: InstanceStatus | 'any' | undefined;
  /** The version or the beginning of one: `2`, `1.4`, `1.4.2`. */
  readonly version?: string | undefined;
  /** Not this version, given in the same way. */
  readonly exceptVersion?: string | undefined;
  /** It must have all of them. */
  readonly tags?: readonly string[] | undefined;
  /** It must say exactly this. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /** Its score must be greater. */
  readonly minScore?: number | undefined;
}

/** Equal for filters that mean the same; the empty text for the default. */
export function filterKey(filter: InstanceFilter | undefined): string {
  if (filter === undefined) return '';
  const { status, version, exceptVersion, tags, meta, minScore } = filter;
  let key = status === undefined ? '' : `s${status}`;
  if (version !== undefined) key += ` v${version}`;
  if (exceptVersion !== undefined) key += ` e${exceptVersion}`;
  if (minScore !== undefined) key += ` m${minScore}`;
  if (tags !== undefined || meta !== undefined) key += ` ${JSON.stringify([tags, meta])}`;
  return key;
}

export function matches(instance: Instance, filter: InstanceFilter | undefined): boolean {
  const { status, version, exceptVersion, tags, meta, minScore } = filter ?? {};
  if (status === undefined ? !isRoutable(instance.status) : status !== 'any' && status !== instance.status)
    return false;
  if (version !== undefined && !isVersion(instance.version, version)) return false;
  if (exceptVersion !== undefined && isVersion(instance.version, exceptVersion)) return false;
  if (minScore !== undefined && instance.score <= minScore) return false;
  if (tags?.every((tag) => instance.tags.includes(tag)) === false) return false;
  return meta === undefined || Object.entries(meta).every(([name, value]) => instance.meta[name] === value);
}

/** `1.4.2` is version `1`, `1.4` and `1.4.2`. */
function isVersion(version: string, wanted: string): boolean {
  return version === wanted || (version.startsWith(wanted) && version[wanted.length] === '.');
}

/** For messages: `of version 2 with the tags a, b`. */
export function describeFilter(filter: InstanceFilter | undefined): string {
  const { version, tags, meta, minScore } = filter ?? {};
  const parts: string[] = [];
  if (version !== undefined) parts.push(`of version ${version}`);
  if (tags !== undefined) parts.push(`with the tags ${tags.join(', ')}`);
  if (meta !== undefined)
    parts.push(
      `with ${Object.entries(meta)
        .map(([name, value]) => `${name}=${value}`)
        .join(', ')}`,
    );
  if (minScore !== undefined) parts.push(`with a score above ${minScore}`);
  return parts.join(' ');
}
