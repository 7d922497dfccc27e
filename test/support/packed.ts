/** The packages as npm would publish them, installed in a project outside this house, without a registry. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LIMIT_MS = 60_000;
const root: string = fileURLToPath(new URL('../../../', import.meta.url));

export const PACKAGES: readonly string[] = ['@homeostat/core', '@homeostat/redis', 'homeostat'];

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number;
  readonly output: string;
}

export class PackedProject {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<PackedProject> {
    const project = new PackedProject(await realpath(await mkdtemp(join(tmpdir(), 'homeostat-packed-'))));
    await project.write('package.json', '{ "name": "scratch", "private": true, "type": "module" }');
    for (const name of PACKAGES) await project.#install(name);
    // What the programs of the project use themselves.
    for (const name of ['zod', 'typescript', '@types/node']) await project.#link(name);
    return project;
  }

  /** Where an installed package lies. */
  installed(name: string): string {
    return join(this.folder, 'node_modules', name);
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.folder, file), text);
  }

  node(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
    return ended(process.execPath, args, this.folder, env);
  }

  /** A copy whose installed packages can be damaged. */
  async copy(): Promise<PackedProject> {
    const folder = await mkdtemp(join(tmpdir(), 'homeostat-packed-'));
    await cp(this.folder, folder, { recursive: true, verbatimSymlinks: true });
    return new PackedProject(await realpath(folder));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  /** Unpacks what `npm pack` makes, and links what it declares to need: what it does not declare it will not find. */
  async #install(name: string): Promise<void> {
    const source = join(root, 'packages', name.split('/').at(-1)!);
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', this.folder], {
      cwd: source,
      timeout: LIMIT_MS,
    });
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    const target = this.installed(name);
    await mkdir(target, { recursive: true });
    await run('tar', ['-xzf', join(this.folder, filename), '-C', target, '--strip-components=1']);
    const { dependencies = {} } = JSON.parse(await readFile(join(target, 'package.json'), 'utf8')) as Manifest;
    for (const dependency of Object.keys(dependencies))
      if (!PACKAGES.includes(dependency)) await this.#link(dependency);
  }

  async #link(name: string): Promise<void> {
    const link = this.installed(name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(await realpath(join(root, 'node_modules', name)), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function ended(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(program, args, { cwd, env, timeout: LIMIT_MS });
    return { code: 0, output: stdout + stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number | null; stdout: string; stderr: string };
    return { code: code ?? -1, output: stdout + stderr };
  }
}
