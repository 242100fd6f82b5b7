import { realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import {
  checkOptions,
  isInteger,
  isMilliseconds,
  isObject,
  isString,
  isStringList,
} from '../../support/options.js';
import { checkFacts } from '../check-facts.js';
import type { DeploymentFacts, StaticDirectory } from '../deployment-facts.js';
import { factsError, type ProbedApp, probeApp } from './probed-start.js';
import { projectOf } from './project-facts.js';
import { servedPort } from './served-port.js';

/** Options of {@link readFacts}. */
export interface ReadFactsOptions {
  /** Arguments of the script. @default [] */
  readonly args?: readonly string[];
  /** Variables in addition to the environment of this process. @default {} */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * A file with the options of `productionize`, as for `express-productionize start --config`.
   * @default the nearest package.json, where it has the key `productionize`
   */
  readonly config?: string;
  /** The port to describe, where the app listens on several. @default the only one, or that of `PORT` */
  readonly port?: number;
  /** Milliseconds for a start of the app. It is started twice. @default 30000 */
  readonly timeoutMs?: number;
}

/** Milliseconds in which an app is ready at the latest, where it is not known. It is the limit of `start`. */
const startupMs = 60_000;

/**
 * Reads what files around an app depend on, by running its script. The app is productionized as
 * `express-productionize start` does. It is started twice, the second time with another `PORT`, and then killed. It
 * listens on free ports of 127.0.0.1 instead of its own, and receives no request. Its code runs, with the environment of
 * this process: use a development database.
 *
 * The number of workers, the memory and the paths of event streams are no settings of an app. Add what you know.
 *
 * @throws ProductionizeError when the script ends, does not listen in time or serves no Express app.
 * @example
 * const facts = { ...(await readFacts('app.js')), workers: 4, eventStreamPaths: ['/events'] }
 */
export async function readFacts(script: string, options?: ReadFactsOptions): Promise<DeploymentFacts> {
  const {
    args = [],
    env = {},
    config,
    port,
    timeoutMs = 30_000,
  } = checkOptions<ReadFactsOptions>('readFacts', options, {
    args: isStringList,
    env: isObject('an object of strings'),
    config: isString,
    port: isInteger('a port', 1, 65_535),
    timeoutMs: isMilliseconds(1),
  });
  const file = resolveScript(script);
  const { directory, hasOptions } = projectOf(file);
  const ofProject = hasOptions ? path.join(directory, 'package.json') : undefined;
  const start: ProbedApp = {
    script: file,
    args,
    env,
    config: config === undefined ? ofProject : path.resolve(config),
    timeoutMs,
    productionized: true,
  };
  return factsOf(start, port);
}

/** As {@link readFacts}, also for an app as it is. */
export async function factsOf(start: ProbedApp, port?: number): Promise<DeploymentFacts> {
  const { script: file, env } = start;
  const { directory, facts } = projectOf(file);
  const probe = await probeApp(start);
  const served = await servedPort(probe, port, (other) =>
    probeApp({ ...start, env: { ...env, PORT: String(other) } }),
  );
  const { app, port: _port, socketPath: _path, webSockets, ...timeouts } = served.server;
  return checkFacts({
    ...facts,
    ...app,
    ...timeouts,
    script: below(directory, file) ?? path.basename(file),
    nodeMajor: probe.nodeMajor,
    port: served.port,
    readsPort: served.readsPort,
    staticDirectories: staticIn(directory, app.staticDirectories),
    webSocketPaths: webSockets ? ['/'] : [],
    bodyLimitBytes: probe.bodyLimitBytes,
    sessionCookies: probe.sessionCookies,
    eventStreamPaths: [],
    workers: 'max',
    memoryBytes: null,
    startupMs,
  });
}

/** Links in the path are not resolved. A name without its extension, and a directory with a main file, are completed. */
function resolveScript(script: string): string {
  const file = path.resolve(script);
  try {
    const resolved = createRequire(file).resolve(file);
    return statSync(file, { throwIfNoEntry: false })?.isFile() ? file : resolved;
  } catch {
    throw factsError(`readFacts: there is no script ${JSON.stringify(file)}.`);
  }
}

/** A path below a directory, with `/` as separator; `undefined` for other paths. */
function below(directory: string, file: string): string | undefined {
  const relative = path.relative(directory, file);
  if (path.isAbsolute(relative) || relative.split(path.sep)[0] === '..') return undefined;
  return relative.replaceAll(path.sep, '/') || '.';
}

function staticIn(directory: string, all: readonly StaticDirectory[]): StaticDirectory[] {
  const real = realpathSync(directory);
  return all.flatMap((each) => {
    const inside = below(directory, each.directory) ?? below(real, each.directory);
    return inside === undefined ? [] : [{ ...each, directory: inside }];
  });
}
