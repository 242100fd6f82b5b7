import { type ChildProcess, execFile as execFileWithCallback, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type LoadResult, steadyLoad, wrkLoad } from './load.js';
import { get } from './serve.js';

export const execFile = promisify(execFileWithCallback);

const root = path.join(__dirname, '../..');
/** The app that every manager runs. */
export const managedApp = path.join(root, 'test/fixtures/managed.mjs');

const folders: string[] = [];
const children = new Set<ChildProcess>();
const cleanups: (() => Promise<unknown>)[] = [];

/** A folder that `cleanUp` takes away. Other users may enter it, as daemons do that drop root. */
export function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'daemons-'));
  folders.push(made);
  return made;
}

/** Something that `cleanUp` does first, the last one first. */
export function afterwards(clean: () => Promise<unknown>): void {
  cleanups.push(clean);
}

/** A process that `cleanUp` ends. */
export function startChild(command: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.stdout?.resume();
  child.stderr?.resume();
  return child;
}

/** Ends a process by SIGTERM, and waits for its exit. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  await Promise.all(
    [...children].map((child) => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      return gone;
    }),
  );
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
}

/** Packages of npm that no Node version needs to test twice: installed once, beside the project. */
export async function installed(name: 'pm2' | 'forever', version: string): Promise<string> {
  const prefix = path.join(root, '.tmp/managers', name);
  const bin = path.join(prefix, 'node_modules/.bin', name);
  if (!existsSync(bin)) {
    const args = ['install', '--silent', '--no-audit', '--no-fund', '--no-save', '--prefix', prefix];
    await execFile('npm', [...args, `${name}@${version}`]);
  }
  return bin;
}

/** A port that was free a moment ago: the manager's file has to name one. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks again until the answer is good. */
export async function until<T>(ask: () => Promise<T | false | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => false as const);
    if (answer) return answer as T;
    await delay(20);
  }
}

/** The process id of who answers, once somebody does. */
export function pidAt(port: number, other?: string): Promise<string> {
  return until(async () => {
    const { status, text } = await get(`http://127.0.0.1:${port}/`);
    return status === 200 && text !== other && text;
  });
}

/** What two kinds of clients of Node, and wrk, saw while `work` was done. */
export async function underLoad(
  port: number,
  work: () => Promise<void>,
): Promise<Record<string, LoadResult>> {
  const url = `http://127.0.0.1:${port}/`;
  const keptAlive = steadyLoad(url, { keepAlive: true, clients: 3, pauseMs: 3, limitMs: 5000 });
  const fresh = steadyLoad(url, { keepAlive: false, clients: 3, pauseMs: 3, limitMs: 5000 });
  await Promise.all([keptAlive.answered(20), fresh.answered(20)]);
  await work();
  return { 'kept alive': await keptAlive.stop(), 'new connections': await fresh.stop() };
}

export { wrkLoad };

/** All failures, of all kinds of clients. */
export function failures(results: Record<string, LoadResult>): string[] {
  return Object.entries(results).flatMap(([kind, { failures }]) =>
    failures.map((what) => `${kind}: ${what}`),
  );
}

/** Prints what was measured, for the reader of the test run. */
export function printCounts(what: string, results: Record<string, LoadResult>): void {
  const counts = Object.entries(results).map(
    ([kind, { answered, failures }]) => `${kind}: ${answered} answered, ${failures.length} failed`,
  );
  process.stdout.write(`${what}: ${counts.join('; ')}\n`);
}
