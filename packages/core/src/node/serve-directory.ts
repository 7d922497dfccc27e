/** Serves the actors of a directory, and follows it: a file that comes is served, one that goes is drained, one that changes is served anew. */
import type { Actor } from '../contract/actor.ts';
import { systemTimers } from '../ground/clock.ts';
import { ConfigError, messageOf } from '../ground/errors.ts';
import { actorFiles, loadActor, type ActorFile, type BrokenActor } from './load-actors.ts';
import { defaultLog, type Log } from '../ground/log.ts';
import type { ActorNode } from './node.ts';
import type { ServeOptions } from '../serving/serve.ts';

/** Between two looks at a directory that is watched, ms. */
const LOOK_MS = 500;

export interface ServeDirectoryOptions {
  /** Look at the directory twice a second and follow its changes. Default false: only when `reload` is called. */
  readonly watch?: boolean | undefined;
  /** How an actor is served; for one of its own options, a function of the file's name. */
  readonly serve?: ServeOptions | ((file: string) => ServeOptions) | undefined;
  /** What cannot be loaded or served is written there. Default: pino on stderr at `LOG_LEVEL` (warn). */
  readonly log?: Log | undefined;
}

export interface ServedDirectory extends AsyncDisposable {
  /** Names of the files whose actors are served now. */
  readonly files: readonly string[];
  /** What could not be loaded or served, as of the last look. Where the file worked before, that actor is still served. */
  readonly broken: readonly BrokenActor[];
  /** Looks at the directory now. Resolves when what changed is carried out. @throws ConfigError when it cannot be read. */
  reload(): Promise<void>;
  /** Follows no longer; what is served stays until its node is closed. */
  close(): Promise<void>;
}

/**
 * Serves every actor of a directory (see `loadActors`). A file that is broken is named in `broken` and in the log; the
 * others are served all the same. A file that has changed is loaded anew and takes the place of what it was, once that is
 * drained; what it imports is not, since Node keeps every module that it has loaded. So following changes is for
 * development; each change also keeps the old module in memory.
 * @throws ConfigError when the directory cannot be read.
 */
export async function serveDirectory(
  node: ActorNode,
  directory: string | URL,
  options: ServeDirectoryOptions = {},
): Promise<ServedDirectory> {
  const served = new Directory(node, directory, options);
  await served.reload();
  if (options.watch === true) served.follow();
  return served;
}

interface Standing {
  readonly actor: Actor;
  readonly stamp: string;
}

interface Broken extends BrokenActor {
  readonly stamp: string;
  /** It is an actor, but could not be served. */
  readonly loaded: boolean;
}

class Directory implements ServedDirectory {
  readonly #node: ActorNode;
  readonly #directory: string | URL;
  readonly #serve: (file: string) => ServeOptions;
  readonly #log: Log;
  readonly #standing = new Map<string, Standing>();
  readonly #broken = new Map<string, Broken>();
  /** Node answers with what it has loaded under a name before, also when that was broken. */
  readonly #loaded = new Set<string>();
  /** One look after the other. */
  #looking: Promise<void> = Promise.resolve();
  #stop: () => void = () => {};
  #closed = false;

  constructor(node: ActorNode, directory: string | URL, { serve = {}, log = defaultLog() }: ServeDirectoryOptions) {
    this.#node = node;
    this.#directory = directory;
    this.#serve = typeof serve === 'function' ? serve : () => serve;
    this.#log = log;
  }

  get files(): readonly string[] {
    return [...this.#standing.keys()].sort();
  }

  get broken(): readonly BrokenActor[] {
    return [...this.#broken.values()].map(({ file, error }) => ({ file, error }));
  }

  reload(): Promise<void> {
    const look = this.#looking.then(() => this.#look());
    this.#looking = look.catch(() => undefined);
    return look;
  }

  /** By timers that do not keep the process alive: nobody may close it. */
  follow(): void {
    this.#stop = systemTimers.setTimer(LOOK_MS, () => {
      const looked = this.reload().catch((thrown: unknown) =>
        this.#log.warn({ evt: 'directory_unreadable', reason: messageOf(thrown) }, 'what is served stays as it is'),
      );
      void looked.then(() => {
        if (!this.#closed) this.follow();
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    await this.#looking;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #look(): Promise<void> {
    const found = await actorFiles(this.#directory);
    const names = new Set(found.map(({ file }) => file));
    for (const file of this.#broken.keys()) if (!names.has(file)) this.#broken.delete(file);
    const gone = this.files.filter((file) => !names.has(file));
    await Promise.all(gone.map((file) => this.#remove(file)));
    for (const file of found) {
      const broken = this.#broken.get(file.file);
      const { stamp } = broken ?? this.#standing.get(file.file) ?? {};
      // Its actor may have been that of another file, which is gone now.
      if (stamp !== file.stamp || (broken?.loaded === true && gone.length > 0)) await this.#renew(file);
    }
  }

  /** Loads it first: what runs is not given up for something broken. */
  async #renew({ file, url, stamp }: ActorFile): Promise<void> {
    const module = this.#loaded.has(file) ? new URL(`?${stamp}`, url) : url;
    this.#loaded.add(file);
    let actor: Actor | undefined;
    try {
      actor = await loadActor(module);
      await this.#remove(file);
      const options = this.#serve(file);
      await this.#node.serve(options.pool === 'threads' ? module : actor, options);
      this.#standing.set(file, { actor, stamp });
      this.#broken.delete(file);
    } catch (thrown) {
      const error = thrown instanceof ConfigError ? thrown : new ConfigError(`${file}: ${messageOf(thrown)}`, thrown);
      this.#broken.set(file, { file, error, stamp, loaded: actor !== undefined });
      this.#log.error({ evt: 'actor_broken', file, reason: error.message }, 'an actor could not be loaded or served');
    }
  }

  async #remove(file: string): Promise<void> {
    const standing = this.#standing.get(file);
    if (standing === undefined) return;
    this.#standing.delete(file);
    await this.#node.unserve(standing.actor.contract);
  }
}
