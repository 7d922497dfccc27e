import { readFileSync, writeFileSync } from 'node:fs';

/** Package names end in their platform: system, processor and, on Linux, the C library. */
const PLATFORM =
  /[-/](aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-([a-z0-9]+)(?:-([a-z]+))?$/;

export function readLock(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The addresses a lock file must not hold: it would tie every clone to one registry. */
export function registryAddresses(lock) {
  return Object.entries(lock.packages)
    .filter(([, { resolved }]) => /^[a-z+]+:\/\//.test(resolved ?? ''))
    .map(([path]) => path);
}

/**
 * Optional dependencies without an entry, as `{ name, version, parent }`. npm leaves a platform's package out of the lock
 * when its registry could not hand it over that day, and `npm ci` then refuses the lock everywhere.
 */
export function missingOptionals(lock) {
  const missing = new Map();
  for (const [path, { optionalDependencies, dev }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
      if (!isLocked(lock, path, name)) missing.set(name, { name, version, dev: dev === true });
    }
  }
  return [...missing.values()];
}

/** Adds what `missingOptionals` found, pinned as its parent pins it, and writes the file. Answers how many were added. */
export function completeLock(file) {
  const lock = readLock(file);
  const missing = missingOptionals(lock);
  for (const { name, version, dev } of missing) {
    const { os, cpu, libc } = platform(name);
    // In npm's own order of keys, so that its next write changes nothing; JSON leaves out what is undefined.
    lock.packages[`node_modules/${name}`] = { version, cpu, dev: dev || undefined, libc, optional: true, os };
  }
  if (missing.length === 0) return 0;
  const byPath = ([a], [b]) => a.localeCompare(b, 'en');
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(byPath));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  return missing.length;
}

/** Looks where Node would look: in the parent's own modules and then upwards. */
function isLocked(lock, path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in lock.packages) return true;
    if (at === '') return false;
  }
}

function platform(name) {
  const [, os, cpu, flavour] = PLATFORM.exec(name) ?? [];
  if (os === undefined) return {};
  const libc = os === 'linux' ? { gnu: 'glibc', musl: 'musl' }[flavour] : undefined;
  return { os: [os], cpu: [cpu], libc: libc && [libc] };
}
