import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { AuditReport } from '../../src/doctor/index.js';
import { selfSigned } from '../helpers/certificate.js';
import { cleanUp, cli, program } from '../helpers/cli.js';
import { hasEnded } from '../helpers/ended-process.js';
import { itNeeds } from '../helpers/needs.js';
import { until } from '../helpers/site.js';

const root = path.join(__dirname, '../..');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'doctor-app-'));
  symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
});
afterEach(() => {
  cleanUp();
  rmSync(directory, { recursive: true });
});

/** Writes files of an app, and returns the path of the first. */
function write(files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), text);
  }
  return path.join(directory, Object.keys(files)[0] as string);
}

const log = (): string[] => readFileSync(path.join(directory, 'requests'), 'utf8').trim().split('\n');
/** Middleware of an app that records its requests in a file. */
const recording = `app.use((req, res, next) => {
  require('node:fs').promises.appendFile(__dirname + '/requests', req.method + ' ' + req.url + '\\n').then(() => next(), next);
});`;

async function audited(
  script: string,
  ...args: string[]
): Promise<AuditReport & { readonly ids: readonly string[] }> {
  const { code, out, err } = await cli(['doctor', script, '--json', '--fail-on', 'never', ...args]);
  expect([code, err]).toEqual([0, '']);
  const report = JSON.parse(out) as AuditReport;
  return { ...report, ids: report.findings.map(({ id }) => id) };
}

describe('the doctor examines an app that', () => {
  it('is an ES module', async () => {
    const script = write({
      'app.mjs': `import express from 'express';
        const app = express();
        app.get('/', (_req, res) => res.set('content-type', 'text/plain').send('x'.repeat(5000)));
        app.listen(3000);`,
    });
    expect((await audited(script, '--ci')).ids).toEqual(
      expect.arrayContaining(['powered-by', 'compression-missing', 'keep-alive-short']),
    );
  });

  it('listens on a UNIX socket, late', async () => {
    const socket = path.join(directory, 'app.sock');
    const script = write({
      'app.cjs': `const app = require('express')();
        app.get('/', (_req, res) => res.send('x'));
        setTimeout(() => app.listen(${JSON.stringify(socket)}), 700);`,
    });
    const { ids, notes } = await audited(script);
    expect(ids).toEqual(expect.arrayContaining(['powered-by', 'sigterm-loses-requests']));
    expect(notes).toEqual([]);
  });

  it('has a second server: the server with the app is examined, and the report names the other', async () => {
    const script = write({
      'app.cjs': `require('node:http').createServer((_req, res) => res.end('metrics')).listen(9100, () => {
          const app = require('express')();
          app.get('/only-in-the-app', (_req, res) => res.type('text').send('x'.repeat(5000)));
          app.listen(3000);
        });`,
    });
    const { findings, notes } = await audited(script, '--ci');
    expect(findings.find(({ id }) => id === 'compression-missing')?.evidence).toMatchObject([
      { route: 'GET /only-in-the-app' },
    ]);
    expect(notes).toEqual(['The server on port 3000 was examined, and not that on port 9100.']);
  });

  itNeeds('openssl')('serves TLS with a certificate of its own', async () => {
    const { certificate, certificateKey } = await selfSigned();
    const [cert, key] = [readFileSync(certificate, 'utf8'), readFileSync(certificateKey, 'utf8')];
    const script = write({
      'app.cjs': `const app = require('express')();
        app.get('/', (_req, res) => res.type('text').send('x'.repeat(5000)));
        require('node:https').createServer(${JSON.stringify({ cert, key })}, app).listen(443);`,
    });
    const { ids } = await audited(script);
    expect(ids).toEqual(expect.arrayContaining(['compression-missing', 'sigterm-loses-requests']));
    expect(ids).not.toContain('no-response');
  });

  it('only exports its app: the doctor listens, and leaves out what the server decides', async () => {
    const script = write({
      'app.cjs': `const app = require('express')();
        app.get('/', (_req, res) => res.type('text').send('x'.repeat(5000)));
        module.exports = app;`,
    });
    const { ids, notes, notExamined } = await audited(script);
    expect(ids).toEqual(expect.arrayContaining(['compression-missing', 'powered-by']));
    expect(ids).not.toContain('keep-alive-short');
    expect(notes).toEqual([expect.stringMatching(/^The script does not listen, so the doctor listened/)]);
    expect(notExamined).toEqual(
      expect.arrayContaining(['sigterm-loses-requests', 'sigterm-ignored', 'exception-ignored']),
    );
  });

  it('exports its app and has something else to do, within the time for the start', async () => {
    const script = write({
      'app.cjs': `exports.app = require('express')();
        exports.app.get('/', (_req, res) => res.send('x'));
        setInterval(() => {}, 1000);`,
    });
    expect((await audited(script, '--seconds', '2')).notes).toHaveLength(1);
  });

  it('forks workers: one of them is examined, and no worker uses the port of the app', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as net.AddressInfo;
    const script = write({
      'app.cjs': `const cluster = require('node:cluster');
        if (cluster.isPrimary) {
          for (let i = 0; i < 2; i++) cluster.fork();
          cluster.on('exit', (_worker, _code, signal) => signal ?? cluster.fork());
        } else {
          const app = require('express')();
          app.get('/', (_req, res) => res.json(require('node:fs').readFileSync(__filename, 'utf8')));
          app.listen(${port});
        }`,
    });
    const { ids } = await audited(script);
    taken.close();
    expect(ids).toEqual(expect.arrayContaining(['synchronous-call', 'sigterm-loses-requests', 'powered-by']));
    // its worker ends after the exception
    expect(ids).not.toContain('exception-ignored');
  });

  it('needs arguments and variables', async () => {
    const script = write({
      'app.cjs': `if (process.argv[2] !== '--flag' || process.env.TOKEN !== 'from the file') process.exit(9);
        require('express')().listen(3000);`,
      '.env': 'TOKEN="from the file"\n',
    });
    const file = path.join(directory, '.env');
    expect((await audited(script, '--ci', '--env-file', file, '--', '--flag')).ids).toContain('powered-by');
    const { code, err } = await cli(['doctor', script, '--ci', '--', '--flag']);
    expect([code, err]).toEqual([2, expect.stringContaining('ended with exit code 9 before it listened')]);
  });

  it('is one of Nest', async () => {
    const script = write({
      'app.mjs': `import 'reflect-metadata';
        import { Controller, Get, Module } from '@nestjs/common';
        import { NestFactory } from '@nestjs/core';
        class Cats { all() { return Array.from({ length: 200 }, (_, id) => ({ id, name: 'cat ' + id })); } one() { return 'one'; } }
        const decorate = (name, decorator) => decorator(Cats.prototype, name, Object.getOwnPropertyDescriptor(Cats.prototype, name));
        decorate('all', Get());
        decorate('one', Get(':id'));
        Controller('cats')(Cats);
        class App {}
        Module({ controllers: [Cats] })(App);
        await (await NestFactory.create(App, { logger: false })).listen(3000);`,
    });
    const { findings, notes } = await audited(script, '--ci', '--param', 'id=3');
    const missing = findings.find(({ id }) => id === 'compression-missing');
    expect(missing?.evidence).toMatchObject([{ route: 'GET /cats' }]);
    expect(notes).toEqual([]);
  });
});

describe('a route with a parameter', () => {
  const app = (routes: string) =>
    write({
      'app.cjs': `const app = require('express')(); ${recording} ${routes} app.listen(3000);`,
    });

  it('is requested with the value of --param, else with that of a link in a response', async () => {
    const script = app(`app.get('/users/:id', (_req, res) => res.send('x'));
      app.get('/posts/:slug/comments/:nr', (_req, res) => res.send('x'));
      app.get('/tags/:tag', (_req, res) => res.send('x'));
      app.get('/', (_req, res) => res.send('<a href="/posts/first%20one/comments/7#top">first</a> <a href="https://other.test/tags/a">'));`);
    const { notes } = await audited(script, '--ci', '--param', 'id=4/2,other=1');
    expect(log()).toEqual(expect.arrayContaining(['GET /users/4%2F2', 'GET /posts/first%20one/comments/7']));
    expect(notes).toEqual(['Not requested: GET /tags/:tag: no value is known, try --param tag=<value>.']);
  });

  it('is not requested where its words name a change, unless --unsafe is set', async () => {
    const script = app(`app.get('/logout', (_req, res) => res.send('x'));
      app.get('/', (_req, res) => res.json({ next: '/users/7', remove: '/users/7/delete' }));
      app.get('/users/:id/delete', (_req, res) => res.send('x'));
      app.get('/users/:id', (_req, res) => res.send('x'));
      app.post('/users', (_req, res) => res.send('x'));
      app.delete('/users/:id', (_req, res) => res.send('x'));`);
    const { notes } = await audited(script);
    const safe = [...new Set(log())];
    expect(safe).toContain('GET /users/7');
    expect(safe.filter((each) => /^(?!GET)|logout|\d\/delete/.test(each))).toEqual([]);
    expect(notes).toContain(
      'Not requested: GET /logout: it seems to change something, and --unsafe is not set.',
    );
    await audited(script, '--ci', '--unsafe');
    expect(log()).toEqual(
      expect.arrayContaining(['GET /logout', 'GET /users/7/delete', 'POST /users', 'DELETE /users/7']),
    );
  });
});

it('nothing of the app is left when the doctor itself is killed', async () => {
  const script = write({
    'app.cjs': `const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      const app = require('express')();
      app.get('/', () => {
        require('node:fs').writeFileSync(__dirname + '/pids', process.pid + ' ' + child.pid);
        for (;;);
      });
      app.listen(3000);`,
  });
  const doctor = spawn(process.execPath, [program, 'doctor', script], { stdio: 'ignore' });
  const pids = (): number[] => {
    try {
      return readFileSync(path.join(directory, 'pids'), 'utf8').split(' ').map(Number);
    } catch {
      return [];
    }
  };
  await until(() => pids().length === 2);
  doctor.kill('SIGKILL');
  await until(() => pids().every(hasEnded));
});
