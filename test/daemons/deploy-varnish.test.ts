import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { varnish } from '../../src/deploy/targets/varnish.js';
import { daemonParameters } from '../../src/deploy/varnish/daemon-parameters.js';
import type { VarnishOptions } from '../../src/deploy/varnish/varnish-options.js';
import { type Instances, instances } from '../helpers/behind-proxy.js';
import { cleanUp, execFile, folder, freePort, until } from '../helpers/daemons.js';
import { differentFacts, factsOf } from '../helpers/deployment.js';
import { itNeeds } from '../helpers/needs.js';
import { killAll } from '../helpers/program.js';
import {
  expectAffinity,
  expectBodyLimit,
  expectErrorOfApp,
  expectMessages,
  expectOneRun,
  expectOwnAddress,
  expectRouting,
  expectStatedAddress,
} from '../helpers/proxied.js';
import { type CacheProxy, varnish as daemon, isOpen, started } from '../helpers/proxies.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('varnishd');

const textOf = (facts: Partial<DeploymentFacts>, options: VarnishOptions) =>
  varnish.generate(factsOf(facts), options)[0]?.text as string;

afterAll(async () => {
  killAll();
  await cleanUp();
});

describe('the file for Varnish', () => {
  it('is accepted by varnishd -C for facts and options of all kinds', async () => {
    const different: VarnishOptions[] = [
      {},
      { upstreams: ['127.0.0.1:3000', '[::1]:3001', 'localhost:3002'], affinity: 'ip', checkMs: 100 },
      { trustForwarded: true, exposeHealth: true, timeoutSeconds: 1, affinity: 'ip' },
      { maxBodyBytes: 1, stale: 'always', purgeFrom: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'] },
    ];
    expect(differentFacts.length).toBeGreaterThanOrEqual(30);
    for (let from = 0; from < differentFacts.length; from += 8) {
      // each site has names of its own, so some are compiled as one file
      const sites = differentFacts
        .slice(from, from + 8)
        .map((facts, i) => textOf({ ...facts, name: `s${i}` }, different[i % different.length] as object));
      expect(await daemon.refuses(sites.join(''))).toBeUndefined();
    }
    for (const name of ['1-shop', 'http', 'req', 'a-very-long-name-of-a-package-that-does-not-fit']) {
      expect(await daemon.refuses(textOf({ name }, { affinity: 'ip' }))).toBeUndefined();
    }
  });

  it('is checked: a wrong file is refused', async () => {
    expect(await daemon.refuses(textOf({}, {}).replace('return (pass)', 'return (past)'))).toMatch(/past/);
  });
});

describe('Varnish in front of two instances', () => {
  let app: Instances;
  let home: string;
  const proxies: CacheProxy[] = [];

  const facts: Partial<DeploymentFacts> = {
    webSocketPaths: ['/live'],
    eventStreamPaths: ['/events'],
    sessionCookies: ['connect.sid'],
    compression: false,
  };

  /** The URL of the cache with these options, in front of both instances. */
  async function site(options: VarnishOptions = {}, more: Partial<DeploymentFacts> = {}): Promise<string> {
    const port = await freePort();
    home = folder();
    const file = path.join(home, 'default.vcl');
    const all = { ...facts, ...more };
    writeFileSync(file, textOf(all, { upstreams: app.upstreams, checkMs: 100, ...options }));
    const work = ['-n', path.join(home, 'work'), '-a', `127.0.0.1:${port}`, '-f', file, '-s', 'malloc,32m'];
    const args = ['-j', 'none', '-F', ...work, ...daemonParameters(factsOf(all))];
    proxies.push(await started('varnishd', args, port, () => isOpen(port)));
    return `http://127.0.0.1:${port}`;
  }

  /** Resolves when Varnish takes these numbers of instances for healthy. */
  const healthy = (count: number) =>
    until(async () => {
      const { stdout } = await execFile('varnishadm', ['-n', path.join(home, 'work'), 'backend.list']);
      return stdout.split('\n').filter((line) => /_\d+ .*\bhealthy\b/.test(line)).length === count;
    });

  beforeAll(async () => {
    app = await instances({ compression: false, gracefulShutdown: { delayMs: 0 } });
  });

  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.stop();
  });

  it('the second request for a response of a route with parameters is a HIT, and sessions reach the app', async () => {
    const url = await site();
    const first = await get(`${url}/news/1`);
    const second = await get(`${url}/news/1`, { headers: { cookie: 'theme=dark' } });
    expect(second.text).toBe(first.text);
    expect(second.headers['cache-status']).toMatch(/^Varnish; hit; ttl=\d+$/);
    expect((await get(`${url}/news/2`)).text).not.toBe(first.text);
    const headers = { cookie: 'connect.sid=1' };
    const own = [await get(`${url}/news/1`, { headers }), await get(`${url}/news/1`, { headers })];
    expect(own.map((each) => each.headers['cache-status'])).toEqual(Array(2).fill('Varnish; fwd=request'));
    expect(own[0]?.text).not.toBe(own[1]?.text);
  });

  it('PURGE removes a stored response, from the networks that may purge', async () => {
    const url = await site({ purgeFrom: ['127.0.0.1'] });
    const first = await get(`${url}/news/3`);
    expect((await get(`${url}/news/3`)).text).toBe(first.text);
    expect((await get(`${url}/news/3`, { method: 'PURGE' })).status).toBe(200);
    expect((await get(`${url}/news/3`)).text).not.toBe(first.text);
    const elsewhere = await site({ purgeFrom: ['192.0.2.1'] });
    const refused = await get(`${elsewhere}/news/3`, { method: 'PURGE' });
    expect([refused.status, refused.text]).toEqual([405, 'Method Not Allowed']);
  });

  it('the address of the client is right, whatever the client states', async () => {
    await expectOwnAddress(await site());
    await expectStatedAddress(await site({ trustForwarded: true }));
  });

  it('health checks are hidden unless they are exposed, and bodies over the limit do not reach the app', async () => {
    const url = await site();
    for (const hidden of ['/readyz', '/READYZ', '/livez/', '/%72eadyz', '/readyz?a', '/startupz']) {
      expect([hidden, (await get(`${url}${hidden}`)).status]).toEqual([hidden, 404]);
    }
    expect((await get(`${url}/readyzz`)).text).not.toBe('Not Found');
    await expectBodyLimit(url, app);
    expect((await get(`${await site({ exposeHealth: true })}/readyz`)).status).toBe(200);
  });

  it('WebSocket messages and events pass, also where any path accepts WebSockets', async () => {
    for (const webSocketPaths of [['/live'], ['/']])
      await expectMessages(await site({}, { webSocketPaths }), app);
  });

  it('after an upgrade that the app refuses, a client cannot send a request past Varnish', async () => {
    const url = new URL(await site({}, { webSocketPaths: ['/'] }));
    const socket = net.connect(Number(url.port), '127.0.0.1');
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    socket.write(`GET /api/seen HTTP/1.1\r\nHost: shop.test\r\n${upgrade}\r\n`);
    socket.write('GET /api/seen HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n');
    let received = '';
    socket.setEncoding('utf8').on('data', (text) => {
      received += text;
    });
    await once(socket, 'close');
    expect(received).toMatch(/^HTTP\/1\.1 400/);
    expect(received).not.toContain('6.6.6.6');
  });

  it('affinity by ip: a client returns to its instance', async () => {
    await expectAffinity(await site({ affinity: 'ip' }), 'ip');
  });

  it('a killed instance is routed around, and without any instance there is a page with Retry-After', async () => {
    const url = await site();
    await expectErrorOfApp(url);
    const stored = await get(`${url}/news/4`);
    await expectRouting(url, app, 503, () => healthy(1));
    await healthy(2);
    expect((await get(`${url}/news/4`)).text).toBe(stored.text);
  });

  it('a stored response is served while the app is down, also after its lifetime', async () => {
    const url = await site();
    const stored = await get(`${url}/news/short`);
    await Promise.all([app.kill(0), app.kill(1)]);
    await healthy(0);
    const stale = await until(async () => {
      const response = await get(`${url}/news/short`);
      return /ttl=-\d/.test(String(response.headers['cache-status'])) && response;
    });
    expect([stale.status, stale.text]).toEqual([200, stored.text]);
    await Promise.all([app.start(0), app.start(1)]);
    await healthy(2);
    expect(
      (
        await until(async () => {
          const response = await get(`${url}/news/short`);
          return response.text !== stored.text && response;
        })
      ).status,
    ).toBe(200);
  });

  it('a POST whose instance dies is not sent again', async () => {
    await expectOneRun(await site(), app, 503);
  });

  it('Varnish compresses what the app does not, and nothing that the app leaves out', async () => {
    const headers = { 'accept-encoding': 'gzip' };
    const large = await get(`${await site()}/api/large`, { headers });
    expect(large.headers['content-encoding']).toBe('gzip');
    const left = await get(`${await site({}, { compression: true })}/api/large`, { headers });
    expect(left.headers['content-encoding']).toBeUndefined();
  });
});
