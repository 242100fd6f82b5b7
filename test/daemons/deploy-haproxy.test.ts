import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { WebSocket } from 'ws';
import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import type { HaproxyOptions } from '../../src/deploy/haproxy/haproxy-options.js';
import { haproxy } from '../../src/deploy/targets/haproxy.js';
import { type Instances, instances, rollingRestart } from '../helpers/behind-proxy.js';
import { selfSigned } from '../helpers/certificate.js';
import { cleanUp, execFile, folder, freePort, until } from '../helpers/daemons.js';
import { differentFacts, factsOf } from '../helpers/deployment.js';
import { itNeeds } from '../helpers/needs.js';
import { killAll } from '../helpers/program.js';
import { type CacheProxy, isOpen, started } from '../helpers/proxies.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('haproxy');

const textOf = (facts: Partial<DeploymentFacts>, options: HaproxyOptions) =>
  haproxy.generate(factsOf(facts), options)[0]?.text as string;

/** A file with the certificate and its key, as HAProxy reads it. */
async function certificateFile(): Promise<string> {
  const { certificate, certificateKey } = await selfSigned();
  const file = path.join(folder(), 'both.pem');
  writeFileSync(file, readFileSync(certificate, 'utf8') + readFileSync(certificateKey, 'utf8'));
  return file;
}

afterAll(async () => {
  killAll();
  await cleanUp();
});

describe('the file for HAProxy', () => {
  it('is accepted by haproxy -c, without a warning, for facts and options of all kinds', async () => {
    const certificate = await certificateFile();
    const statsSocket = path.join(folder(), 'admin.sock');
    const different: HaproxyOptions[] = [
      {},
      { certificate },
      { upstreams: ['127.0.0.1:3000', '[::1]:3001', 'localhost:3002'], affinity: 'cookie' },
      { affinity: 'ip', trustForwarded: true, exposeHealth: true, timeoutSeconds: 1 },
      { certificate, listen: '127.0.0.1:8443', affinity: 'ip', maxBodyBytes: 1, checkMs: 100 },
    ];
    const file = path.join(folder(), 'haproxy.cfg');
    const refused: unknown[] = [];
    for (const [i, facts] of differentFacts.entries()) {
      const options = { statsSocket, ...different[i % different.length] };
      writeFileSync(file, textOf(facts, options));
      await execFile('haproxy', ['-c', '-dW', '-f', file]).catch(({ stderr }) =>
        refused.push({ facts, options, stderr }),
      );
    }
    expect(refused).toEqual([]);
    expect(differentFacts.length).toBeGreaterThanOrEqual(30);
  });

  it('is checked: a wrong file is refused', async () => {
    const file = path.join(folder(), 'haproxy.cfg');
    writeFileSync(file, textOf({}, {}).replace('mode http', 'mode htpp'));
    await expect(execFile('haproxy', ['-c', '-f', file])).rejects.toThrow(/htpp/);
  });
});

describe('HAProxy in front of two instances', () => {
  let app: Instances;
  const proxies: CacheProxy[] = [];
  let statsSocket: string;

  const facts: Partial<DeploymentFacts> = {
    webSocketPaths: ['/live'],
    eventStreamPaths: ['/events'],
    sessionCookies: ['connect.sid'],
    compression: false,
  };
  /** The URL of the load balancer with these options, in front of both instances, once both are up. */
  async function balancer(options: HaproxyOptions = {}, protocol = 'http'): Promise<string> {
    const port = await freePort();
    const listen = `127.0.0.1:${port}`;
    statsSocket = path.join(folder(), 'admin.sock');
    const file = path.join(folder(), 'haproxy.cfg');
    writeFileSync(
      file,
      textOf(facts, { upstreams: app.upstreams, listen, statsSocket, checkMs: 100, ...options }),
    );
    proxies.push(await started('haproxy', ['-db', '-f', file], port, () => isOpen(port)));
    await bothUp();
    return `${protocol}://${listen}`;
  }
  const state = async (): Promise<string[]> =>
    (await execFile('sh', ['-c', `echo 'show stat' | socat - ${statsSocket}`])).stdout
      .split('\n')
      .filter((line) => line.startsWith('shop_app,shop_'))
      .map((line) => line.split(',')[17] as string);
  const bothUp = () => until(async () => (await state()).every((each) => each.startsWith('UP')));
  const pidOf = async (url: string, headers = {}) =>
    JSON.parse((await get(`${url}/api/seen`, { headers })).text).pid as number;

  beforeAll(async () => {
    app = await instances({ compression: false, gracefulShutdown: { delayMs: 2000 } });
  });

  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.stop();
  });

  it('the address of the client is right, whatever the client states', async () => {
    const headers = {
      host: 'shop.test',
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'https',
      forwarded: 'for=6.6.6.6',
      'x-forwarded-prefix': '/evil',
    };
    const seen = JSON.parse((await get(`${await balancer()}/api/seen`, { headers })).text);
    expect(seen).toMatchObject({ ip: '127.0.0.1', protocol: 'http', host: 'shop.test' });
    expect(JSON.stringify(seen)).not.toMatch(/6\.6\.6\.6|evil/);
  });

  it('behind a balancer the address that it states is used', async () => {
    const url = await balancer({ trustForwarded: true });
    const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
    const seen = JSON.parse((await get(`${url}/api/seen`, { headers })).text);
    expect(seen.headers['x-forwarded-for']).toMatch(/^203\.0\.113\.7, ?127\.0\.0\.1$/);
    expect(seen.protocol).toBe('https');
  });

  it('health checks are hidden unless they are exposed, and bodies over the limit do not reach the app', async () => {
    const url = await balancer();
    for (const hidden of ['/readyz', '/READYZ', '/livez/', '/%72eadyz']) {
      expect([hidden, (await get(`${url}${hidden}`)).status]).toEqual([hidden, 404]);
    }
    const body = Buffer.alloc(102_401, 'x');
    const headers = { 'content-length': body.length };
    expect((await get(`${url}/orders/large`, { method: 'POST', headers, body })).status).toBe(413);
    expect(app.programs.flat().flatMap(({ err }) => err)).not.toContain('order large');
    expect((await get(`${await balancer({ exposeHealth: true })}/readyz`)).status).toBe(200);
  });

  it('WebSocket messages and events pass, and no other upgrade', async () => {
    const url = await balancer();
    const socket = new WebSocket(`${url.replace('http', 'ws')}/live`);
    await once(socket, 'open');
    socket.send('hello');
    const [message] = await once(socket, 'message');
    expect(String(message)).toMatch(/^\d+: hello$/);
    socket.terminate();

    const response = await fetch(`${url}/events`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const read = async () => Buffer.from((await reader.read()).value ?? []).toString();
    expect(await read()).toBe('data: first\n\n');
    for (const port of app.ports) await get(`http://127.0.0.1:${port}/event`, { method: 'POST' });
    expect(await read()).toBe('data: second\n\n');

    const headers = { upgrade: 'h2c', connection: 'upgrade' };
    expect((await get(`${url}/api/seen`, { headers })).text).not.toContain('h2c');
  });

  it.each(['ip', 'cookie'] as const)('affinity by %s: a client returns to its instance', async (affinity) => {
    const url = await balancer({ affinity });
    const clients = new Set<number>();
    for (let client = 0; client < 8; client++) {
      const first = await get(`${url}/api/seen`);
      const cookie = first.headers['set-cookie']?.find((line) => line.startsWith('shop_instance='));
      const pids = new Set([JSON.parse(first.text).pid as number]);
      for (let n = 0; n < 4; n++) pids.add(await pidOf(url, { cookie: String(cookie?.split(';')[0]) }));
      expect(pids.size).toBe(1);
      for (const pid of pids) clients.add(pid);
    }
    // all clients of this test have one address
    expect(clients.size).toBe(affinity === 'ip' ? 1 : 2);
  });

  it('with a certificate: TLS and HTTP/2, and the app sees https', async () => {
    const url = await balancer({ certificate: await certificateFile() }, 'https');
    const { stdout } = await execFile('curl', ['-ks', '--http2', '-D-', `${url}/api/seen`]);
    expect(stdout).toMatch(/^HTTP\/2 200/);
    expect(stdout).toMatch(/^strict-transport-security: max-age=63072000/m);
    expect(stdout).toContain('"protocol":"https"');
  });

  it('errors of the app are its own, and without any instance there is a page with Retry-After', async () => {
    const url = await balancer();
    const failed = await get(`${url}/api/fails`);
    expect([failed.status, failed.text, failed.headers['retry-after']]).toEqual([
      503,
      '{"own":true}',
      undefined,
    ]);
    const other = app.pids()[1];
    await app.kill(0);
    for (let n = 0; n < 10; n++) {
      expect(JSON.parse((await get(`${url}/api/seen`, { method: 'POST' })).text).pid).toBe(other);
    }
    await app.kill(1);
    const none = await get(`${url}/api/seen`);
    expect([none.status, none.headers['retry-after'], none.headers['cache-control']]).toEqual([
      503,
      '5',
      'no-store',
    ]);
    await Promise.all([app.start(0), app.start(1)]);
    await bothUp();
    expect((await get(`${url}/api/seen`)).status).toBe(200);
  });

  it('a POST whose instance dies is not sent to the other one', async () => {
    const url = await balancer();
    const ends = [0, 1].map((index) =>
      app
        .current(index)
        .exit()
        .then(() => index),
    );
    const answer = await get(`${url}/orders/crash`, { method: 'POST', headers: { 'x-crash': '1' } });
    expect(answer.status).toBe(502);
    await app.start(await Promise.race(ends));
    const handled = app.programs.flat().flatMap(({ err }) => err.filter((line) => line === 'order crash'));
    expect(handled).toEqual(['order crash']);
  });

  it('a rolling restart at 300 POST a second loses no order, and handles none twice', async () => {
    const { sent, failures, handled, twice } = await rollingRestart(await balancer(), app);
    process.stdout.write(
      `HAProxy: ${sent} orders, ${failures.length} failed, ${twice.length} handled twice\n`,
    );
    expect({ failures, twice, handled }).toEqual({ failures: [], twice: [], handled: sent });
  });
});
