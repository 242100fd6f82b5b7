import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { cleanUp, cli } from '../helpers/cli.js';
import { folder } from '../helpers/clusters.js';
import { freePort } from '../helpers/daemons.js';

const servers: http.Server[] = [];

afterEach(() => {
  cleanUp();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A server whose response depends on the path. */
async function serve(host: string): Promise<number> {
  const server = http.createServer((req, res) => {
    const [, kind = ''] = (req.url ?? '').split('/');
    if (kind === 'hang') return;
    res.writeHead(kind === 'livez' || kind === 'endless' ? 200 : Number(kind), {
      'x-host': req.headers.host,
    });
    if (kind === 'endless') res.write('the first part');
    else res.end();
  });
  servers.push(server);
  await once(server.listen(0, host), 'listening');
  return (server.address() as AddressInfo).port;
}

describe('health', () => {
  it.each(['127.0.0.1', '::1', '::', '0.0.0.0'])('finds an app that listens on %s', async (host) => {
    const port = await serve(host);
    const done = await cli(['health', '--port', String(port)]);
    expect(done).toEqual({ code: 0, out: `/livez on port ${port}: 200 OK\n`, err: '' });
  });

  it.each([
    ['/204', 0, '204 No Content'],
    ['/302', 1, '302 Found'],
    ['/404', 1, '404 Not Found'],
    ['/503', 1, '503 Service Unavailable'],
    ['/hang', 1, 'no response within 300 ms'],
    ['/endless', 0, '200 OK'],
  ])('a response of %s: exit code %i', async (path, code, result) => {
    const port = await serve('127.0.0.1');
    // of the limit only the case that needs it is aware: the start of a process counts for no other
    const timeout = path === '/hang' ? ['--timeout', '300'] : ['--timeout', '60000'];
    const done = await cli(['health', '--path', path, ...timeout], { PORT: String(port) });
    const line = `${path} on port ${port}: ${result}\n`;
    expect(done).toEqual({ code, out: code === 0 ? line : '', err: code === 0 ? '' : line });
  });

  it('a closed port, also as JSON: exit code 1', async () => {
    const port = await freePort();
    const plain = await cli(['health', '--port', String(port)]);
    expect(plain).toEqual({ code: 1, out: '', err: `/livez on port ${port}: ECONNREFUSED\n` });
    const { code, out } = await cli(['health', '--json'], { PORT: String(port) });
    expect([code, JSON.parse(out)]).toEqual([1, { ok: false, port, path: '/livez', result: 'ECONNREFUSED' }]);
  });

  it.each([
    [[], { PORT: '' }, /^health: expected --port, or PORT in the environment\n/],
    [[], { PORT: '/run/app.sock' }, /^PORT: expected a whole number from 1 to 65535/],
    [['--port', '0'], {}, /^--port: expected a whole number from 1 to 65535, got "0"/],
    [['--port', '80', '--path', 'livez'], {}, /^--path: expected a path such as \/livez, got "livez"/],
    [['--port', '80', '--path', '/a b'], {}, /^--path: expected a path/],
    [['--port', '80', '--timeout', '1s'], {}, /^--timeout: expected a whole number/],
    [['now', '--port', '80'], {}, /^health: unexpected argument "now"/],
  ])('%j with %j: exit code 2', async (args, env, message) => {
    const done = await cli(['health', ...args], env);
    expect(done.code).toBe(2);
    expect(done.err).toMatch(message);
  });

  it('loads none of the other commands', async () => {
    const hook = path.join(folder(), 'loaded.cjs');
    writeFileSync(
      hook,
      "process.on('exit', () => console.log(process.moduleLoadList.includes('NativeModule cluster')))",
    );
    const env = { NODE_OPTIONS: `--require ${hook}` };
    expect((await cli(['health', '--help'], env)).out).toMatch(/false\n$/);
    expect((await cli(['status', '--help'], env)).out).toMatch(/true\n$/);
  });
});
