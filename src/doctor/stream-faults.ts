import http from 'node:http';
import https from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { withTimeLimit } from '../support/time-limit.js';
import { ExaminedApp, type ExaminedScript } from './examined-app.js';
import type { StreamObservation } from './observations.js';
import type { ExaminedServer } from './probe/doctor-protocol.js';

const responseMs = 5000;
/** Milliseconds for an app to close what a client has given up. */
const closeMs = 3000;
const stepMs = 100;
/** A file may open after its request has ended: none is left when so many steps in a row have seen none. */
const emptySteps = 3;
const aborts = 3;
/** Routes that are examined at most. Each may need a start of the app. */
const mostPaths = 5;

/**
 * Requests routes that pipe a stream into their response. First the connection is lost, and then the stream fails. The
 * app is started again after a failure that has ended it.
 */
export async function observeStreams(
  script: ExaminedScript,
  paths: readonly string[],
): Promise<StreamObservation[]> {
  const seen: StreamObservation[] = [];
  let app: StartedApp | undefined;
  try {
    for (const path of paths.slice(0, mostPaths)) {
      app ??= await started(script);
      // it ends where an abort ends the process
      const leakedFiles = await filesOpenAfterAborts(app, path).catch(() => null);
      const failure = leakedFiles === null ? 'process ended' : await outcomeOfFailure(app, path);
      seen.push({ path, leakedFiles: leakedFiles ?? [], failure });
      if (failure !== 'process ended') continue;
      await app.examined.end();
      app = undefined;
    }
    return seen;
  } finally {
    await app?.examined.end();
  }
}

interface StartedApp {
  readonly examined: ExaminedApp;
  readonly server: ExaminedServer;
}

async function started(script: ExaminedScript): Promise<StartedApp> {
  const app = new ExaminedApp(script);
  try {
    await app.listening(script.timeoutMs);
    const { server } = await app.request('observe');
    return { examined: app, server };
  } catch (error) {
    await app.end();
    throw error;
  }
}

/** The files that each aborted request has left open. */
async function filesOpenAfterAborts({ examined, server }: StartedApp, path: string): Promise<string[]> {
  const before = await examined.request('open files');
  if (before === null) return [];
  await examined.request('abort streams');
  for (let i = 0; i < aborts; i++) await get(server, path);
  const left = async (): Promise<string[]> => {
    const now = (await examined.request('open files')) ?? {};
    return Object.keys(now).filter((file) => (now[file] ?? 0) >= (before[file] ?? 0) + aborts);
  };
  let files = await left();
  let empty = 0;
  for (let ms = 0; empty < emptySteps && ms < closeMs; ms += stepMs) {
    await wait(stepMs);
    files = await left();
    empty = files.length === 0 ? empty + 1 : 0;
  }
  return files;
}

async function outcomeOfFailure(
  { examined, server }: StartedApp,
  path: string,
): Promise<StreamObservation['failure']> {
  await examined.request('fail streams');
  const hasEnded = await get(server, path);
  const isAlive = await examined.request('open files').then(
    () => true,
    () => false,
  );
  return isAlive ? (hasEnded ? 'response ended' : 'no end') : 'process ended';
}

/** Whether the response or its connection ends in time. */
function get({ port, encrypted }: ExaminedServer, path: string): Promise<boolean> {
  const ended = new Promise<true>((resolve) => {
    const options = { host: '127.0.0.1', port, path, agent: false, rejectUnauthorized: false };
    const req = encrypted ? https.get(options) : http.get(options);
    req.once('response', (res) => res.resume().once('error', () => {}));
    req.once('error', () => resolve(true));
    req.once('close', () => resolve(true));
    setTimeout(() => req.destroy(), responseMs + stepMs).unref();
  });
  return withTimeLimit<boolean, boolean>(ended, responseMs, () => false);
}
