import { setMaxListeners } from 'node:events';
import { requestStatus } from './drill-exchange.js';
import { makeReport, type Report } from './drill-report.js';
import { type AppSettings, CannotDrill, DrilledApp } from './drilled-app.js';
import { eventStreams } from './event-streams.js';
import { getRequests } from './get-requests.js';
import type { DrillContext, Traffic } from './traffic.js';
import { uploads } from './uploads.js';
import { webSockets } from './web-sockets.js';

/** The settings of a drill. Paths that are undefined are not requested. */
interface DrillSettings extends AppSettings {
  readonly reloads: number;
  /** The time limit of the whole drill in seconds. */
  readonly seconds: number;
  readonly path: string;
  readonly eventsPath: string | undefined;
  readonly webSocketPath: string | undefined;
  readonly uploadPath: string | undefined;
}

/** Milliseconds for requests in flight to complete after the last one was sent. */
const finishMs = 10_000;

/**
 * Starts an app in a cluster, sends it traffic of all kinds during several reloads, and reports the losses. All
 * processes have exited when it returns. An abort ends it immediately, without a report.
 *
 * @throws CannotDrill when the app does not start or does not serve the requested paths.
 */
export async function drill(
  settings: DrillSettings,
  abort: AbortSignal,
  onProgress: (text: string) => void,
): Promise<Report> {
  const from = performance.now();
  const app = new DrilledApp(settings);
  const stop = new AbortController();
  const end = new AbortController();
  const limit = new AbortController();
  const endAll = (): void => {
    limit.abort();
    stop.abort();
    end.abort();
  };
  abort.addEventListener('abort', endAll);
  setMaxListeners(0, stop.signal, end.signal);
  let timeIsUp = endAll;
  const time = setTimeout(() => timeIsUp(), settings.seconds * 1000);
  try {
    const target = await app.ready(limit.signal);
    const clients = Math.min(32, Math.max(4, 2 * settings.workers));
    const context = { target, clients, stop: stop.signal, end: end.signal };
    const { all, expectedStatus } = await trafficFor(context, settings).catch((error: Error) => {
      throw new CannotDrill(error.message);
    });
    // from here on, the time limit only ends the reloads, so that requests in flight can finish
    timeIsUp = () => limit.abort();
    const running = all.map((traffic) => traffic.run(context));
    let begun = 0;
    const showProgress = (): void => {
      const counts = all.map(({ counts }) => counts);
      const sent = counts.reduce((sum, count) => sum + count.sent, 0);
      const lost = counts.reduce((sum, count) => sum + count.failed, 0);
      onProgress(
        `reload ${Math.min(begun + 1, settings.reloads)} of ${settings.reloads}: ${sent} sent, ${lost} lost`,
      );
    };
    const shown = setInterval(showProgress, 200);
    const { reloaded, problem } = await reloadUnder(app, all, settings.reloads, limit.signal, () => begun++);
    clearInterval(shown);
    stop.abort();
    const last = setTimeout(endAll, finishMs);
    await Promise.all(running);
    clearTimeout(last);
    abort.throwIfAborted();
    const { script, workers, reloads, path } = settings;
    return makeReport(
      {
        script,
        port: target.port,
        path,
        status: expectedStatus,
        workers,
        reloads,
        reloaded,
        seconds: Math.round((performance.now() - from) / 100) / 10,
        deaths: await app.deaths(),
        problem,
      },
      all.map(({ counts }) => counts),
    );
  } finally {
    clearTimeout(time);
    abort.removeEventListener('abort', endAll);
    endAll();
    await app.stop();
  }
}

/** Creates the requested kinds of traffic and probes each once. */
async function trafficFor(
  context: DrillContext,
  { path, eventsPath, webSocketPath, uploadPath }: DrillSettings,
): Promise<{ all: Traffic[]; expectedStatus: number }> {
  const expectedStatus = await requestStatus(context, { path });
  const all: Traffic[] = [
    ...getRequests(path, expectedStatus),
    ...(uploadPath ? [uploads(uploadPath)] : []),
    ...(eventsPath ? [eventStreams(eventsPath)] : []),
    ...(webSocketPath ? [webSockets(webSocketPath)] : []),
  ];
  for (const traffic of all) await traffic.probe?.(context);
  return { all, expectedStatus };
}

/**
 * Reloads the app after every kind of traffic had a first response or loss. Resolves with the number of reloads and, if
 * they ended early, the reason.
 */
async function reloadUnder(
  app: DrilledApp,
  all: readonly Traffic[],
  reloads: number,
  limit: AbortSignal,
  onReloaded: () => void,
): Promise<{ reloaded: number; problem: string | null }> {
  const timeUp = new Promise<never>((_, reject) => {
    const onLimit = (): void => reject(new Error('the time limit was reached'));
    if (limit.aborted) onLimit();
    else limit.addEventListener('abort', onLimit, { once: true });
  });
  let reloaded = 0;
  try {
    await Promise.race([Promise.all(all.map(({ counts }) => counts.underway)), timeUp]);
    for (; reloaded < reloads; reloaded++) {
      await Promise.race([app.reload(), timeUp]);
      onReloaded();
    }
    return { reloaded, problem: null };
  } catch (error) {
    return { reloaded, problem: (error as Error).message };
  } finally {
    timeUp.catch(() => {});
  }
}
