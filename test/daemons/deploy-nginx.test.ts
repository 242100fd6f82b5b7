import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { type NginxOptions, nginx } from '../../src/deploy/targets/nginx.js';
import { hasContentHash } from '../../src/middleware/static-files/content-hash.js';
import { type Instances, instances, rollingRestart } from '../helpers/behind-proxy.js';
import { selfSigned } from '../helpers/certificate.js';
import { cleanUp, execFile, folder, freePort } from '../helpers/daemons.js';
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
import { type CacheProxy, nginx as daemon } from '../helpers/proxies.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('nginx');

const textOf = (facts: Partial<DeploymentFacts>, options: NginxOptions) =>
  nginx.generate(factsOf(facts), options)[0]?.text as string;

afterAll(async () => {
  killAll();
  await cleanUp();
});

describe('the file for nginx', () => {
  it('is accepted by nginx -t for facts and options of all kinds', async () => {
    const tls = await selfSigned();
    const caches = folder();
    const different: NginxOptions[] = [
      {},
      { ...tls, directory: '/srv/shop', cache: true },
      {
        upstreams: ['127.0.0.1:3000', '[::1]:3001', 'localhost:3002'],
        affinity: 'cookie',
        exposeHealth: true,
        nginxVersion: '1.22',
      },
      {
        ...tls,
        listen: '127.0.0.1:8443',
        redirectFrom: false,
        affinity: 'ip',
        trustForwarded: true,
        serverNames: ['a.test', '*.b.test'],
      },
      {
        listen: 8080,
        ipv6: true,
        directory: '/srv/shop',
        maxBodyBytes: 1,
        timeoutSeconds: 1,
        cache: true,
        affinity: 'cookie',
      },
    ];
    const accepted: number[] = [];
    for (const options of different) {
      // each site has names of its own, so all are checked in one file
      const cachePath = (i: number) => (options.cache ? path.join(caches, String(i)) : undefined);
      const sites = differentFacts.map((facts, i) =>
        textOf({ name: `s${i}`, ...facts }, { ...options, cachePath: cachePath(i) }),
      );
      expect(await daemon.refuses(sites.join(''))).toBeUndefined();
      accepted.push(sites.length);
    }
    expect(accepted).toEqual(different.map(() => differentFacts.length));
  });
});

describe('nginx in front of two instances', () => {
  let app: Instances;
  let tls: { certificate: string; certificateKey: string };
  const proxies: CacheProxy[] = [];

  const facts: Partial<DeploymentFacts> = {
    staticDirectories: [{ path: '/static', directory: 'public', behind: [] }],
    webSocketPaths: ['/live'],
    eventStreamPaths: ['/events'],
    sessionCookies: ['connect.sid'],
    compression: false,
  };
  /** The URL of the site with these options, in front of both instances. */
  async function site(options: NginxOptions = {}, more: Partial<DeploymentFacts> = {}): Promise<string> {
    const port = await freePort();
    const listen = `127.0.0.1:${port}`;
    const cachePath = path.join(folder(), 'cache');
    const text = textOf(
      { ...facts, ...more },
      { upstreams: app.upstreams, listen, cachePath, directory: app.project, ...options },
    );
    proxies.push(await daemon.serve(text, port));
    return `http://${listen}`;
  }

  beforeAll(async () => {
    app = await instances({ compression: false, gracefulShutdown: { delayMs: 0 } });
    tls = await selfSigned();
  });

  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.stop();
  });

  it('the second request for a response is a HIT, and each request with a session reaches the app', async () => {
    const url = await site({ cache: true });
    const first = await get(`${url}/news/1`);
    const second = await get(`${url}/news/1`);
    expect(second.text).toBe(first.text);
    expect(second.headers['cache-status']).toBe('nginx; hit');
    const headers = { cookie: 'connect.sid=1' };
    const own = [await get(`${url}/news/1`, { headers }), await get(`${url}/news/1`, { headers })];
    expect(own.map((answer) => answer.headers['cache-status'])).toEqual(Array(2).fill('nginx; fwd=request'));
    expect(own[0]?.text).not.toBe(own[1]?.text);
  });

  it('the address of the client is right, whatever the client states', async () => {
    await expectOwnAddress(await site());
  });

  it('behind a balancer the address that it states is used', async () => {
    await expectStatedAddress(await site({ trustForwarded: true }));
  });

  it('nginx serves static files, compressed, and the app what is no such file', async () => {
    const url = await site();
    const headers = { 'accept-encoding': 'gzip' };
    const hashed = await get(`${url}/static/app-3f9a0c1d.js`, { headers });
    expect(hashed.status).toBe(200);
    expect(hashed.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-encoding': 'gzip',
      'x-content-type-options': 'nosniff',
    });
    const plain = await get(`${url}/static/plain.txt`);
    expect([plain.text, plain.headers['cache-control']]).toEqual(['plain', 'public, no-cache']);
    // helmet sets it in the app
    expect(plain.headers['content-security-policy']).toBeUndefined();
    for (const path of ['/static/.secret', '/static/missing.js', '/static/%2e%2e/app.js']) {
      const answer = await get(`${url}${path}`);
      expect([path, answer.status]).toEqual([path, answer.status === 400 ? 400 : 404]);
      expect(answer.text).not.toContain('content of a dotfile');
    }
    const posted = await get(`${url}/static/plain.txt`, { method: 'POST' });
    expect(posted.headers['content-security-policy']).toBeDefined();
  });

  it('names that look like a hash to nginx do so to staticFiles, too', async () => {
    const url = await site();
    const names = [
      'a-3f9a0c1d.js',
      'a.0a1b2c3d.chunk.css',
      'a-BfX3a9Qz.js',
      'assets-20240101.js',
      'report-deadbeef.json',
      'v-12345678.png',
      'x-Version1.js',
      'a-3f9a0c1d.html',
      'a-abcdefgh.js',
      'plain.js',
    ];
    const found: string[] = [];
    for (const name of names) {
      writeFileSync(path.join(app.project, 'public', name), name);
      const answer = await get(`${url}/static/${name}`);
      if (String(answer.headers['cache-control']).includes('immutable')) found.push(name);
    }
    expect(found).toEqual(['a-3f9a0c1d.js', 'a.0a1b2c3d.chunk.css', 'a-BfX3a9Qz.js']);
    expect(found.every((name) => hasContentHash(`/${name}`))).toBe(true);
  });

  it('health checks are hidden, in any case, unless they are exposed', async () => {
    const url = await site();
    for (const path of ['/readyz', '/READYZ', '/livez/', '/%72eadyz', '//readyz']) {
      expect([path, (await get(`${url}${path}`)).status]).toEqual([path, 404]);
    }
    expect((await get(`${await site({ exposeHealth: true })}/readyz`)).status).toBe(200);
  });

  it('WebSocket messages and events pass, also where any path accepts WebSockets', async () => {
    for (const webSocketPaths of [['/live'], ['/']]) {
      await expectMessages(await site({ cache: true }, { webSocketPaths }), app);
    }
  });

  it.each(['ip', 'cookie'] as const)('affinity by %s: a client returns to its instance', async (affinity) => {
    await expectAffinity(await site({ affinity, cache: true }), affinity);
  });

  it('errors of the app are its own, and bodies over the limit do not reach it', async () => {
    const url = await site();
    await expectErrorOfApp(url);
    await expectBodyLimit(url, app);
  });

  it('nginx compresses what the app does not, and nothing that the app leaves out', async () => {
    const headers = { 'accept-encoding': 'gzip' };
    const large = await get(`${await site()}/api/large`, { headers });
    expect(large.headers['content-encoding']).toBe('gzip');
    const left = await get(`${await site({}, { compression: true })}/api/large`, { headers });
    expect(left.headers['content-encoding']).toBeUndefined();
  });

  it('with a certificate: TLS, HTTP/2, a redirect that keeps the method, and one Strict-Transport-Security', async () => {
    const port = await freePort();
    const url = await site({ ...tls, redirectFrom: `127.0.0.1:${port}` });
    const secure = url.replace('http', 'https');
    const redirected = await get(`http://127.0.0.1:${port}/a?b`, { method: 'POST' });
    expect([redirected.status, redirected.headers.location]).toEqual([308, `${secure}/a?b`]);
    const curl = async (what: string) => {
      const args = ['-ks', '--http2', '-D-', '-o', '/dev/null', `${secure}${what}`];
      return (await execFile('curl', args)).stdout;
    };
    const [seen, file] = [await curl('/api/seen'), await curl('/static/plain.txt')];
    expect(seen).toMatch(/^HTTP\/2 200/);
    expect(seen.match(/^strict-transport-security: .*$/gim)).toEqual([
      expect.stringContaining('includeSubDomains'),
    ]);
    expect(file.match(/^strict-transport-security: .*$/gim)).toEqual([
      expect.stringContaining('max-age=63072000'),
    ]);
    const { stdout } = await execFile('curl', ['-ks', `${secure}/api/seen`]);
    expect(JSON.parse(stdout)).toMatchObject({ protocol: 'https' });
  });

  it('a killed instance is routed around, and without any instance nginx has a page of its own', async () => {
    const url = await site();
    await expectRouting(url, app, 502);
    expect((await get(`${url}/api/seen`)).status).toBe(200);
  });

  it('a POST whose instance dies is not sent to the other one', async () => {
    await expectOneRun(await site(), app, 502);
  });

  it('a rolling restart at 300 POST a second: no order is handled twice, and both instances take orders again', async () => {
    const { sent, failures, handled, twice } = await rollingRestart(await site(), app);
    process.stdout.write(`nginx: ${sent} orders, ${failures.length} failed, ${twice.length} handled twice\n`);
    expect({ twice, handled }).toEqual({ twice: [], handled: sent - failures.length });
    // the kernel may reset a connection that arrives as an instance closes its listener: nginx must not send it again
    expect(failures.filter((failure) => !/status 50[23]$/.test(failure))).toEqual([]);
    expect([0, 1].map((index) => app.current(index).err.some((line) => line.startsWith('order ')))).toEqual([
      true,
      true,
    ]);
  });
});
