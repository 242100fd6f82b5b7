import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { transformSync } from 'esbuild';
import { io as connect, type Socket } from 'socket.io-client';
import { until } from './helpers/daemons.js';
import { killAll, run } from './helpers/program.js';
import { get } from './helpers/serve.js';

afterEach(killAll);

const examples = path.join(__dirname, '../examples');

async function start(file = path.join(examples, 'app.js')) {
  const program = run(file, { env: { PORT: '0' } });
  const listening = await program.line(/listening on http/);
  const url = /http:\S+/.exec(listening)?.[0] as string;
  const line = async (message: string) =>
    JSON.parse(await program.line(new RegExp(`"msg":"${message}"`))) as Record<string, unknown>;
  return { program, url, line };
}

describe('the example', () => {
  it('compresses for clients that accept it', async () => {
    const { url, line } = await start();
    const { headers, body } = await get(`${url}/report`, { headers: { 'accept-encoding': 'gzip' } });
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(body.length) });
    expect(JSON.parse(gunzipSync(body).toString())).toHaveLength(200);
    expect(await line('GET /report 200')).toMatchObject({ route: '/report', outcome: 'completed' });
  });

  it('sends an async throw without message and stack, as a page or as problem details', async () => {
    const { url, line } = await start();
    const page = await get(`${url}/throws`);
    const problem = await get(`${url}/throws`, { headers: { accept: 'application/json' } });
    expect([page.status, problem.status]).toEqual([500, 500]);
    expect(page.text + problem.text).not.toMatch(/database|app\.js/);
    expect(problem.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(problem.text)).toMatchObject({ requestId: problem.headers['x-request-id'] });
    expect(await line('GET /throws 500')).toMatchObject({ err: { message: 'the database is down' } });
  });

  it('responds to a broken stream with 404 and continues', async () => {
    const { url, line } = await start();
    expect((await get(`${url}/broken`)).status).toBe(404);
    expect(await line('GET /broken 404')).toMatchObject({ err: { code: 'ENOENT' } });
    expect((await get(url)).text).toBe('{"hello":"production"}');
  });

  it('logs an abandoned download as aborted', async () => {
    const { url, line } = await start();
    const req = http.get(`${url}/download`, (res) => res.once('data', () => req.destroy()));
    req.on('error', () => {});
    expect(await line('GET /download aborted')).toMatchObject({ status: null, outcome: 'aborted' });
  });

  it('responds to a bad JSON body with 400; neither the response nor the log contains it', async () => {
    const { program, url, line } = await start();
    const headers = { 'content-type': 'application/json' };
    const answer = await get(`${url}/echo`, { method: 'POST', headers, body: '{"a": hunter2' });
    expect(answer.status).toBe(400);
    await line('POST /echo 400');
    expect(answer.text + program.out.join()).not.toContain('hunter2');
    expect((await get(`${url}/echo`, { method: 'POST', headers, body: '{"a":1}' })).text).toBe('{"a":1}');
  });
});

describe('the Express 4 app', () => {
  it('works as before with morgan, helmet, sessions and views, and is productionized', async () => {
    const { program, url } = await start(path.join(examples, 'express4.cjs'));
    const first = await get(`${url}/visits/Ada`);
    const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] as string;
    const second = await get(`${url}/visits/Ada`, { headers: { cookie } });
    expect(first.text).toContain('Hello Ada, visit 1.');
    expect(second.text).toContain('Hello Ada, visit 2.');
    expect(second.headers).toMatchObject({
      'content-security-policy': expect.any(String),
      'x-request-id': expect.any(String),
    });
    expect(await program.line(/^GET \/visits\/Ada 200 /)).toContain(' ms');
  });

  it('responds with 500 to an async throw and continues', async () => {
    const { program, url } = await start(path.join(examples, 'express4.cjs'));
    const thrown = await get(`${url}/throws`);
    expect(thrown.status).toBe(500);
    expect(thrown.text).not.toMatch(/database|express4\.cjs/);
    await program.line(/^GET \/throws 500 /);
    expect((await get(`${url}/visits/Ada`)).status).toBe(200);
  });
});

describe('the TypeScript app', () => {
  const temporary = path.join(__dirname, '../.tmp');
  let directory: string;

  // inside the project, where its imports are found; Node 20 runs no TypeScript
  beforeAll(() => {
    mkdirSync(temporary, { recursive: true });
    directory = mkdtempSync(path.join(temporary, 'examples-'));
    const source = readFileSync(path.join(examples, 'typescript.ts'), 'utf8');
    const { code } = transformSync(source, { loader: 'ts' });
    writeFileSync(path.join(directory, 'typescript.mjs'), code);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('responds, logs by `req.log` and runs its health check', async () => {
    const { url, line } = await start(path.join(directory, 'typescript.mjs'));
    expect((await get(`${url}/items/1`)).text).toBe('{"id":1,"name":"first"}');
    expect((await get(`${url}/items/2`)).status).toBe(404);
    expect(await line('item read')).toMatchObject({ item: 1, reqId: expect.any(String) });
    expect((await get(`${url}/readyz`)).status).toBe(200);
  });
});

describe('socket.io in a cluster', () => {
  it('each polling client is served by one worker', async () => {
    const program = run(path.join(examples, 'socket-io-cluster.js'), { env: { PORT: '0' } });
    const port = /port (\d+)/.exec(await program.line(/the primary listens on port/))?.[1];
    const url = `http://127.0.0.1:${port}`;
    // the primary listens before its workers are ready
    const reached = await until(async () => (await get(url).catch(() => undefined))?.text);
    expect(JSON.parse(reached)).toEqual({ worker: expect.any(Number) });
    const socket: Socket = connect(url, { transports: ['polling'], reconnectionDelay: 50 });
    try {
      const workers = new Set<number>();
      for (let i = 0; i < 10; i++) {
        const reply = await socket.timeout(10_000).emitWithAck('echo', `text ${i}`);
        expect(reply.text).toBe(`text ${i}`);
        workers.add(reply.worker);
      }
      expect(workers.size).toBe(1);
      expect(workers).not.toContain(program.child.pid);
    } finally {
      socket.close();
    }
  });
});
