import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { AuditReport } from '../../src/doctor/index.js';
import { cleanUp, cli } from '../helpers/cli.js';
import { hasEnded } from '../helpers/ended-process.js';
import { until } from '../helpers/site.js';

const root = path.join(__dirname, '../..');
const gallery = path.join(root, 'test/fixtures/doctor/gallery.cjs');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'doctor-test-'));
});
afterEach(() => {
  cleanUp();
  rmSync(directory, { recursive: true });
});

function script(text: string): string {
  const file = path.join(directory, 'app.cjs');
  writeFileSync(
    file,
    text.replace("require('express')", `require(${JSON.stringify(path.join(root, 'node_modules/express'))})`),
  );
  return file;
}

describe('express-productionize doctor', () => {
  it('prints the score, each fault with what was seen, its reason and its fix', async () => {
    const { code, out, err } = await cli(['doctor', gallery, '--', 'express', 'synchronous-call', 'sick']);
    expect([code, err]).toEqual([1, '']);
    expect(out).toMatch(/gallery\.cjs: \d+ of 100, [12] faults?\n/);
    expect(out).toMatch(/ high {5}A request calls a synchronous function \(synchronous-call\)\n/);
    expect(out).toMatch(/ GET \/file {2}fs\.readFileSync {2}test\/fixtures\/doctor\/gallery\.cjs:\d+\n/);
    expect(out).toMatch(/ Fix: use the asynchronous function/);
  });

  it('--preview shows what productionize(app) mends', async () => {
    const bare = script(`const express = require('express');
      const app = express();
      app.get('/', (_req, res) => res.json(Array(500).fill('text')));
      app.listen(3000);`);
    const { code, out } = await cli(['doctor', bare, '--preview']);
    expect(code).toBe(0);
    const mended = [
      'compression-missing',
      'sigterm-loses-requests',
      'readiness-missing',
      'keep-alive-short',
      'powered-by',
    ];
    for (const id of mended) expect(out).toMatch(new RegExp(`mended .*\\(${id}\\)`));
    const [before, after] = [...out.matchAll(/(\d+) of 100/g)].map(([, points]) => Number(points));
    expect(after).toBeGreaterThan(before as number);
    expect(out).not.toMatch(/^ {2}high/m);
  });

  it('--fail-on decides the exit code', async () => {
    const codes: number[] = [];
    for (const severity of ['low', 'medium', 'high', 'never']) {
      const flags = ['--ci', '--fail-on', severity, '--', 'express', 'keep-alive-short', 'sick'];
      codes.push((await cli(['doctor', gallery, ...flags])).code);
    }
    expect(codes).toEqual([1, 1, 0, 0]);
  });

  it.each([
    ['ends', 30, 'process.exit(3)', /the app ended with exit code 3 before it listened/],
    ['throws', 30, 'throw new Error("broken")', /Its last output:[\s\S]*Error: broken/],
    ['never listens', 2, 'setInterval(() => {}, 1000)', /the app did not listen within 2 s/],
    [
      'blocks its loop',
      30,
      "const app = require('express')(); app.get('/', () => { for (;;); }); app.listen(0)",
      /blocked its event loop/,
    ],
  ])('says why an app that %s cannot be examined', async (_what, seconds, text, message) => {
    const { code, err } = await cli(['doctor', script(text), '--seconds', String(seconds)]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('uses no port of the app, and leaves no process behind', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as net.AddressInfo;
    const forks = script(`const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      require('node:fs').writeFileSync(${JSON.stringify(path.join(directory, 'pid'))}, String(child.pid));
      const app = require('express')();
      app.get('/', (_req, res) => res.send('x'));
      app.listen(${port});`);
    const { code, out } = await cli(['doctor', forks, '--ci', '--json']);
    taken.close();
    expect(code).toBe(0);
    expect((JSON.parse(out) as AuditReport).score).toBeGreaterThan(50);
    const child = Number(readFileSync(path.join(directory, 'pid'), 'utf8'));
    await until(() => hasEnded(child));
  });

  it('sends GET requests only, and none to a route with a parameter without a value', async () => {
    const log = path.join(directory, 'requests');
    const recording = script(`const fs = require('node:fs');
      const app = require('express')();
      app.use((req, _res, next) => { fs.appendFileSync(${JSON.stringify(log)}, req.method + ' ' + req.url + '\\n'); next(); });
      for (const path of ['/', '/users/:id', '/all']) app.get(path, (_req, res) => res.send('x'));
      app.post('/users', (_req, res) => res.send('x'));
      app.delete('/all', (_req, res) => res.send('x'));
      app.listen(0);`);
    await cli(['doctor', recording, '--paths', '/users/7']);
    const requests = [...new Set(readFileSync(log, 'utf8').trim().split('\n'))] as string[];
    expect(requests.filter((each) => !each.startsWith('GET '))).toEqual([]);
    expect(requests).toEqual(expect.arrayContaining(['GET /', 'GET /all', 'GET /users/7']));
    expect(requests.filter((each) => /users\/(?!7|%E0%A4%A)/.test(each))).toEqual([]);
  });

  it.each([
    [['--fail-on', 'some'], /--fail-on: expected one of low, medium, high, never, got "some"/],
    [['--paths', 'users'], /--paths: expected paths such as \/users\/1, got "users"/],
    [['--seconds', '0'], /--seconds: expected a whole number/],
  ])('refuses the arguments %j', async (flags, message) => {
    const { code, err } = await cli(['doctor', gallery, ...flags]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
