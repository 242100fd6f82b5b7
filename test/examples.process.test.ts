import http from 'node:http';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { killAll, run } from './helpers/program.js';
import { get } from './helpers/serve.js';

afterEach(killAll);

const example = path.join(__dirname, '../examples/app.js');

async function start() {
  const program = run(example, { env: { PORT: '0' } });
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

  it('answers an async throw without message and stack, as a page or as problem details', async () => {
    const { url, line } = await start();
    const page = await get(`${url}/throws`);
    const problem = await get(`${url}/throws`, { headers: { accept: 'application/json' } });
    expect([page.status, problem.status]).toEqual([500, 500]);
    expect(page.text + problem.text).not.toMatch(/database|app\.js/);
    expect(problem.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(problem.text)).toMatchObject({ requestId: problem.headers['x-request-id'] });
    expect(await line('GET /throws 500')).toMatchObject({ err: { message: 'the database is down' } });
  });

  it('answers a broken stream with 404 and lives', async () => {
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

  it('answers a bad JSON body with 400; neither answer nor log has it', async () => {
    const { program, url, line } = await start();
    const headers = { 'content-type': 'application/json' };
    const answer = await get(`${url}/echo`, { method: 'POST', headers, body: '{"a": hunter2' });
    expect(answer.status).toBe(400);
    await line('POST /echo 400');
    expect(answer.text + program.out.join()).not.toContain('hunter2');
    expect((await get(`${url}/echo`, { method: 'POST', headers, body: '{"a":1}' })).text).toBe('{"a":1}');
  });
});
