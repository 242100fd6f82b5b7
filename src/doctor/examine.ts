import { ExaminedApp, type ExaminedScript } from './examined-app.js';
import { exchange, type RequestPlan } from './exchanges.js';
import { observeFilesAround } from './files-around.js';
import { measureLoad } from './measure-load.js';
import type { Observations } from './observations.js';
import type { Inside } from './probe/doctor-protocol.js';
import { observeProject } from './project.js';
import { nodeOptionsFor } from './script-runner.js';
import { observeShutdown } from './shutdown-exchange.js';
import { observeStreams } from './stream-faults.js';
import { observeTracedLines } from './traced-lines.js';

/** Milliseconds in which a process ends after an exception that nothing catches, with a drain. */
const exceptionMs = 12_000;

export interface Examination
  extends ExaminedScript,
    Omit<RequestPlan, 'routes' | 'staticPaths' | 'usualPaths'> {
  /** Whether the app is signalled and receives an exception. */
  readonly signals: boolean;
}

/** What was observed, and what a reader of the report must know about it. */
export interface Examined {
  readonly seen: Observations;
  readonly notes: readonly string[];
  /** Whether this way of examination cannot decide a check, by its id and the parts of the observations that it reads. */
  readonly undecided: (check: { id: string; reads: readonly (keyof Observations)[] }) => boolean;
}

/** Runs a script and observes it from inside and outside. All its processes have ended afterwards. */
export async function examine(examination: Examination): Promise<Examined> {
  const { args, tool } = nodeOptionsFor(examination.script);
  const nodeArgs = [...(examination.nodeArgs ?? []), ...args];
  const { traffic, notes, listensItself, pipedUrls } = await observeTraffic({ ...examination, nodeArgs });
  const signals = examination.signals && listensItself;
  const { process } = traffic;
  const project = observeProject(examination.script);
  const measured = signals
    ? await measureLoad({ ...examination, nodeArgs }, servedPaths(traffic))
    : undefined;
  const developmentTools = process?.developmentTools.filter((each) => each !== tool) ?? [];
  return {
    seen: {
      ...traffic,
      filesAround: project.isInstalled
        ? []
        : await observeFilesAround(
            { ...examination, nodeArgs },
            project.directory,
            traffic.app?.productionized === true,
          ),
      process: process && { ...process, developmentTools },
      streams: signals ? await observeStreams({ ...examination, nodeArgs }, pipedUrls) : [],
      continuesAfterException: signals ? await observeException({ ...examination, nodeArgs }) : null,
      project,
      ...(measured && { measured }),
      today: today(),
    },
    notes: [...(tool ? [`The script is TypeScript, and ran under ${tool} of the project.`] : []), ...notes],
    undecided: () => false,
  };
}

/** Paths of routes that have responded without an error. */
function servedPaths({ exchanges }: Pick<Observations, 'exchanges'>): string[] {
  return exchanges
    .filter(
      ({ kind, method, response }) => kind === 'route' && method === 'GET' && (response?.status ?? 500) < 400,
    )
    .map(({ path }) => path);
}

/** The date, such as 2026-11-29. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

interface Observed {
  readonly traffic: Omit<
    Observations,
    'continuesAfterException' | 'streams' | 'project' | 'filesAround' | 'today'
  >;
  /** URLs whose responses were piped from a stream. */
  readonly pipedUrls: readonly string[];
  readonly notes: readonly string[];
  readonly listensItself: boolean;
}

async function observeTraffic(examination: Examination): Promise<Observed> {
  const app = new ExaminedApp(examination);
  try {
    await app.listening(examination.timeoutMs);
    const inside = await app.request('observe');
    const { server, routes, staticPaths } = inside;
    const listensItself = server.requested !== null;
    const target = { ...server, host: '127.0.0.1', verified: false };
    const plan = { ...examination, routes, staticPaths, usualPaths: true };
    const { exchanges, notes } = await exchange(target, plan, () => app.request('sync calls'));
    const syncCalls = await app.request('sync calls');
    const { pipedUrls, hadSpan } = await app.request('traffic');
    const tracedLines = hadSpan ? await observeTracedLines(app) : [];
    const served = exchanges.find(({ method, response }) => method === 'GET' && response !== null)?.path;
    const shutdown =
      examination.signals && listensItself && served !== undefined
        ? await observeShutdown(app, server, served)
        : null;
    return {
      traffic: { app: inside.app, process: inside.process, exchanges, syncCalls, shutdown, tracedLines },
      pipedUrls,
      notes: [...notesOn(inside), ...notes],
      listensItself,
    };
  } finally {
    await app.end();
  }
}

function notesOn({ app, server, otherServers }: Inside): string[] {
  return [
    ...(server.requested === null
      ? [
          'The script does not listen, so the doctor listened for its app. Pass the script that listens to examine its server, its shutdown and its exceptions.',
        ]
      : []),
    ...(app === null ? ['No Express app was found behind the server, so it was examined from outside.'] : []),
    ...(otherServers.length > 0
      ? [`The server on ${server.requested} was examined, and not that on ${otherServers.join(', ')}.`]
      : []),
  ];
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
    const continues = await Promise.race([late, app.processEnded().then(() => false)]);
    clearTimeout(timer);
    return continues;
  } finally {
    await app.end();
  }
}
