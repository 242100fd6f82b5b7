import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cli, type Done } from './cli.js';
import { type ClusterProgram, folder, ready, runCluster } from './clusters.js';

const root = path.join(__dirname, '../..');
const library = 'node_modules/express-productionize';

/** What an app of a release does. */
export const apps = {
  good: (version: string) => `
    import express from 'express';
    const app = express();
    app.get('/', (_req, res) => res.send('${version}'));
    app.post('/orders/:id', (_req, res) => res.send('${version}'));
    const server = app.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? '127.0.0.1', () => {
      console.error('listening on ' + server.address().port);
    });`,
  throws: "throw new Error('this release does not start');",
  syntax: 'const = 1;',
  silent: 'setInterval(() => {}, 1000);',
  unready: `
    import express from 'express';
    import { productionize } from 'express-productionize';
    const app = productionize(express(), { healthChecks: { checks: { database: () => false } } });
    app.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? '127.0.0.1');`,
} as const;

/** A project with an app. The packages that the app imports are those of this repository. */
export function project(app: string, version = '1.0.0'): string {
  const directory = folder();
  const needed = ['express', 'express-productionize'].filter((name) => app.includes(`from '${name}'`));
  // the program of a release is part of it, as on a host
  const dependencies = needed.length > 0 ? ['express', 'express-productionize'] : [];
  if (needed.length > 0) installPackages(path.join(directory, 'node_modules'));
  const content = {
    name: 'web',
    version,
    main: 'app.mjs',
    dependencies: Object.fromEntries(dependencies.map((name) => [name, '*'])),
  };
  writeFileSync(path.join(directory, 'package.json'), JSON.stringify(content));
  writeFileSync(path.join(directory, 'app.mjs'), app);
  return directory;
}

function installPackages(modules: string): void {
  const own = path.join(modules, 'express-productionize');
  mkdirSync(own, { recursive: true });
  cpSync(path.join(root, 'package.json'), path.join(own, 'package.json'));
  cpSync(path.join(root, 'dist'), path.join(own, 'dist'), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const name of ['express', ...Object.keys(dependencies)]) {
    symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
  }
}

/** Packs a project and returns the path of the release. */
export async function pack(directory: string, ...flags: string[]): Promise<string> {
  const script = path.join(directory, 'app.mjs');
  const { code, out, err } = await cli([
    'release',
    'pack',
    script,
    '--offline',
    '--out',
    folder(),
    ...flags,
    '--json',
  ]);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out).file;
}

/** A release of an app. */
export const releaseOf = (app: string, version?: string, ...flags: string[]): Promise<string> =>
  pack(project(app, version), ...flags);

export interface Target {
  readonly directory: string;
  readonly runtimeDir: string;
  /** Runs an action of `release` on the target. */
  release(action: string, ...args: string[]): Promise<Done>;
  /** Runs it with --json, and parses the result. */
  json<Result = Record<string, unknown>>(action: string, ...args: string[]): Promise<Result>;
  /** Starts a cluster of two workers from `current`, with the program of the release. */
  start(): Promise<ClusterProgram>;
}

/** An empty target with a directory for control sockets of its own. */
export function emptyTarget(): Target {
  const directory = path.join(folder(), 'web');
  const runtimeDir = folder();
  const env = { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: runtimeDir };
  const release = (action: string, ...args: string[]): Promise<Done> =>
    cli(['release', action, directory, ...args], env);
  return {
    directory,
    runtimeDir,
    release,
    json: async (action, ...args) => JSON.parse((await release(action, '--json', ...args)).out),
    async start() {
      const current = path.join(directory, 'current');
      const program = runCluster(path.join(current, library, 'dist/cli.js'), {
        args: ['start', path.join(current, 'app.mjs'), '--workers', '2'],
        env,
      });
      await ready(program, 2);
      return program;
    },
  };
}
