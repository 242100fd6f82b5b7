import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Connection } from './connection.js';
import { freePort, until } from './daemons.js';
import { expressNames } from './express-names.js';
import { type Program, run } from './program.js';

/** The app that is bundled. */
export const entry = path.join(__dirname, '../fixtures/bundles/app.mjs');

let directory: string | undefined;

/** A new directory for a bundle. */
export function outDirectory(): string {
  directory ??= fs.mkdtempSync(path.join(os.tmpdir(), 'bundles-'));
  return fs.mkdtempSync(path.join(directory, 'out-'));
}

/** For `afterAll`. */
export function removeBundles(): void {
  if (directory) fs.rmSync(directory, { recursive: true });
}

type Behaviour = Awaited<ReturnType<typeof behaviour>>;

const seen = new Map<string, Promise<Behaviour>>();

/** The behaviour of the app that is not bundled, which runs once. */
export function unbundled(express: string): Promise<Behaviour> {
  const known = seen.get(express) ?? behaviour(entry, express);
  seen.set(express, known);
  return known;
}

const volatile = ['date', 'set-cookie', 'x-request-id'];

/** What the app responds, how it stops while a request arrives, and what it has logged. */
export async function behaviour(file: string, express: string) {
  const livenessPort = await freePort();
  const args = [express, String(livenessPort)];
  const program = run(file, { args, executable: path.extname(file) === '' });
  const port = await program.port();
  const body = '{"__proto__":{"admin":true},"a":1}';
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  const request = async (url: string, options?: RequestInit) => {
    const response = await fetch(url, options);
    const headers = [...response.headers].filter(([name]) => !volatile.includes(name));
    return { status: response.status, headers, text: await response.text() };
  };
  const app = `http://127.0.0.1:${port}`;
  const responses = [
    await request(`${app}/areas/1`),
    await request(`${app}/areas/1`, post),
    await request(`${app}/areas/1/broken`),
    await request(`${app}/none`),
    await request(`${app}/list49/1`),
  ];
  const report = JSON.parse((await request(`${app}/report`)).text);
  const thread = `http://127.0.0.1:${livenessPort}/livez`;
  // the thread may still be starting
  await until(() => request(thread).catch(() => false as const));
  const health = [`${app}/livez`, `${app}/readyz`, thread];
  const healthy = await Promise.all(health.map(async (url) => (await request(url)).status));
  const last = await drained(program, port);
  return {
    responses,
    report,
    healthy,
    last,
    exit: await program.exit(),
    lines: program.out.map(withoutTime),
  };
}

/** Stops the program after it has received half of a request. Returns the first line of the response. */
async function drained(program: Program, port: number): Promise<string | undefined> {
  const connection = await Connection.open(port);
  const head = 'Content-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue';
  await connection.send(`POST /areas/2 HTTP/1.1\r\nHost: app.test\r\n${head}\r\n\r\n`);
  // the app runs already
  expect(await connection.answer()).toMatch('HTTP/1.1 100 Continue');
  program.child.kill('SIGTERM');
  await program.line(/"msg":"SIGTERM: draining with open requests"/);
  await connection.send('{"b":2}');
  return (await connection.answer()).split('\r\n', 1)[0];
}

/** A line of the log without what differs from run to run, and of a stack the first line. */
function withoutTime(line: string) {
  const { time, pid, hostname, reqId, durationMs, err, ...fields } = JSON.parse(line);
  const [first, frame] = err?.stack.split('\n') ?? [];
  return err ? { ...fields, err: { ...err, stack: [first, /^ +at .+:\d+:\d+\)?$/.test(frame)] } } : fields;
}

/** Tests that the app that each bundler writes behaves as the one that is not bundled. */
export function describeBundles(bundlers: readonly [name: string, bundle: () => Promise<string>][]): void {
  describe.each(bundlers)('an app that is bundled %s', (_name, bundle) => {
    let file: string;
    beforeAll(async () => {
      file = await bundle();
    }, 300_000);

    it.each(expressNames)('responds, logs and stops as unbundled, on %s', async (express) => {
      expect(await behaviour(file, express)).toEqual(await unbundled(express));
    });
  });
}
