import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Connection } from './connection.js';
import { killAll, type Program, run } from './program.js';

const connections = new Set<Connection>();

/** Ends programs and connections that a test left; for `afterEach`. */
export function cleanUp(): void {
  killAll();
  for (const connection of connections) connection.destroy();
  connections.clear();
}

export interface Setting {
  way?: 'productionize' | 'standalone' | 'close';
  options?: object;
  [more: string]: unknown;
}

/** Runs node as the PID 1 of a namespace of its own. */
const inPidNamespace = { command: ['unshare', '--pid', '--fork', '--kill-child'] };

/** Starts the fixture `shutdown.mjs` on one Express. */
export const starter =
  (expressName: string) =>
  (setting: Setting = {}, env: NodeJS.ProcessEnv = {}, ipc = false): Program =>
    run('shutdown.mjs', {
      args: [expressName, JSON.stringify(setting)],
      env,
      ipc,
      terminal: setting.terminal === true,
      ...(setting.unshare === true && inPidNamespace),
    });

/** The path of a file that does not exist yet. */
export const fileToCome = (): string => path.join(mkdtempSync(path.join(tmpdir(), 'shutdown-')), 'file');

export async function open(port: number): Promise<Connection> {
  const connection = await Connection.open(port);
  connections.add(connection);
  return connection;
}

/** A connection that was answered once and is idle now. */
export async function idle(port: number): Promise<Connection> {
  const connection = await open(port);
  await connection.request('/');
  expect(await connection.answer()).toMatch(/^HTTP\/1.1 200/);
  return connection;
}

/** Resolves when nothing listens any more. */
export async function refused(port: number): Promise<void> {
  for (;;) {
    try {
      (await Connection.open(port)).destroy();
    } catch {
      return;
    }
  }
}

export const clean = { code: 0, signal: null };
export const cut = { code: 1, signal: null };
export const log = (program: Program) =>
  program.out.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
