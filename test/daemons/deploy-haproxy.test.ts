import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import type { HaproxyOptions } from '../../src/deploy/haproxy/haproxy-options.js';
import { haproxy } from '../../src/deploy/targets/haproxy.js';
import { type Instances, instances, rollingRestart } from '../helpers/behind-proxy.js';
import { selfSigned } from '../helpers/certificate.js';
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
      { upstreams: ['127.0.0.1:3000', '[::1]:3001', 'localhost:3002'], affinity: 'cookie', spareServers: 8 },
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

  beforeAll(async () => {
    app = await instances({ compression: false, gracefulShutdown: { delayMs: 2000 } });
  });

  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.stop();
  });

  it('the address of the client is right, whatever the client states', async () => {
    await expectOwnAddress(await balancer());
  });

  it('behind a balancer the address that it states is used', async () => {
    await expectStatedAddress(await balancer({ trustForwarded: true }));
  });

  it('health checks are hidden unless they are exposed, and bodies over the limit do not reach the app', async () => {
    const url = await balancer();
    for (const hidden of ['/readyz', '/READYZ', '/livez/', '/%72eadyz']) {
      expect([hidden, (await get(`${url}${hidden}`)).status]).toEqual([hidden, 404]);
    }
    await expectBodyLimit(url, app);
    expect((await get(`${await balancer({ exposeHealth: true })}/readyz`)).status).toBe(200);
  });

  it('WebSocket messages and events pass, and no other upgrade', async () => {
    await expectMessages(await balancer(), app);
  });

  it.each(['ip', 'cookie'] as const)('affinity by %s: a client returns to its instance', async (affinity) => {
    await expectAffinity(await balancer({ affinity }), affinity);
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
    await expectErrorOfApp(url);
    await expectRouting(url, app, 503);
    await bothUp();
    expect((await get(`${url}/api/seen`)).status).toBe(200);
  });

  it('a POST whose instance dies is not sent to the other one', async () => {
    await expectOneRun(await balancer(), app, 502);
  });

  it('a rolling restart at 300 POST a second loses no order, and handles none twice', async () => {
    const { sent, failures, handled, twice } = await rollingRestart(await balancer(), app);
    process.stdout.write(
      `HAProxy: ${sent} orders, ${failures.length} failed, ${twice.length} handled twice\n`,
    );
    expect({ failures, twice, handled }).toEqual({ failures: [], twice: [], handled: sent });
  });
});
