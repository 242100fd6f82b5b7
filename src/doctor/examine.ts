import path from 'node:path';
import { nearestPackageFile } from '../deploy/package-files.js';
import { ExaminedApp, type ExaminedScript } from './examined-app.js';
import { exchange } from './exchanges.js';
import { observeFilesAround } from './files-around.js';
import type { Observations, ProjectObservation } from './observations.js';
import { observeShutdown } from './shutdown-exchange.js';

/** Milliseconds in which a process ends after an exception that nothing catches, with a drain. */
const exceptionMs = 12_000;
/** Routes that are requested at most. */
const mostPaths = 50;

export interface Examination extends ExaminedScript {
  /** Paths to request in addition to the routes without parameters. */
  readonly paths: readonly string[];
  /** Whether the app is signalled and receives an exception. */
  readonly signals: boolean;
}

/** Runs a script and observes it from inside and outside. All its processes have ended afterwards. */
export async function examine(examination: Examination): Promise<Observations> {
  const seen = await observeTraffic(examination);
  const project = observeProject(examination.script);
  const filesAround = project
    ? await observeFilesAround(examination, project.directory, seen.app?.productionized === true)
    : [];
  return {
    ...seen,
    filesAround,
    continuesAfterException: examination.signals ? await observeException(examination) : null,
    project,
    today: new Date().toISOString().slice(0, 10),
  };
}

type Traffic = Omit<Observations, 'continuesAfterException' | 'project' | 'filesAround' | 'today'>;

async function observeTraffic(examination: Examination): Promise<Traffic> {
  const app = new ExaminedApp(examination);
  try {
    await app.listening(examination.timeoutMs);
    const port = app.ports[0] as number;
    const inside = await app.request('observe');
    const paths = [...new Set([...examination.paths, ...inside.paths, '/'])].slice(0, mostPaths);
    const exchanges = await exchange(port, paths, inside.malformedPath, () => app.request('sync calls'));
    const syncCalls = await app.request('sync calls');
    const served = exchanges.find(({ response }) => response !== null)?.path;
    const shutdown =
      examination.signals && served !== undefined ? await observeShutdown(app, port, served) : null;
    return { app: inside.app, process: inside.process, exchanges, syncCalls, shutdown };
  } finally {
    await app.end();
  }
}

async function observeException(examination: Examination): Promise<boolean> {
  const app = new ExaminedApp(examination);
  try {
    await app.listening(examination.timeoutMs);
    await app.request('throw').catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<true>((resolve) => {
      timer = setTimeout(resolve, exceptionMs, true);
    });
    const continues = await Promise.race([late, app.exited.then(() => false)]);
    clearTimeout(timer);
    return continues;
  } finally {
    await app.end();
  }
}

function observeProject(script: string): ProjectObservation | null {
  const found = nearestPackageFile(path.dirname(script));
  if (found === undefined) return null;
  const { start } = Object(found.content.scripts) as { start?: unknown };
  return { directory: found.directory, startScript: typeof start === 'string' ? start : null };
}
