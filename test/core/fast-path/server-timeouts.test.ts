import { once } from 'node:events';
import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Application } from 'express';
import { balancers } from '../../../src/core/fast-path/server-timeouts.js';
import {
  type Balancer,
  type BalancerLimits,
  createServer,
  productionize,
  report,
} from '../../../src/index.js';
import { Connection } from '../../helpers/connection.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';

const opened = new Set<{ close(): void } | { destroy(): void }>();

afterEach(() => {
  for (const each of opened) 'destroy' in each ? each.destroy() : each.close();
  opened.clear();
});

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  opened.add(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function connectTo(port: number): Promise<Connection> {
  const connection = await Connection.open(port);
  opened.add(connection);
  return connection;
}

describe.each(expressVersions)('the timeouts of a server on %s', (_name, express) => {
  function appBehind(balancer: Balancer | BalancerLimits): Application {
    const app = productionize(express(), { ...quiet(), fastPath: { balancer } });
    app.get('/', (_req, res) => void res.send('ok'));
    return app;
  }
  const forms: [string, (app: Application, options?: http.ServerOptions) => Server][] = [
    ['createServer', (app, options) => createServer(app, options)],
    ['http.createServer', (app, options = {}) => http.createServer(options, app)],
  ];

  it.each(Object.keys(balancers) as Balancer[])('outlast the limits of %s', async (balancer) => {
    const { idleMs, preOpenMs } = balancers[balancer];
    for (const [, create] of forms) {
      const app = appBehind(balancer);
      const server = create(app);
      await portOf(server);
      const { keepAliveTimeout, headersTimeout, requestTimeout } = server;
      expect(keepAliveTimeout).toBeGreaterThanOrEqual(idleMs + 5000);
      expect(headersTimeout).toBeGreaterThan(Math.min(preOpenMs, requestTimeout - 1));
      expect(headersTimeout).toBeLessThanOrEqual(requestTimeout);
      expect(report(app)?.parts.find(({ name }) => name === 'fastPath')?.facts).toEqual({
        keepAliveTimeoutMs: keepAliveTimeout,
        balancer,
      });
      expect(report(app)?.servers).toMatchObject([
        { keepAliveTimeoutMs: keepAliveTimeout, headersTimeoutMs: headersTimeout },
      ]);
    }
  });

  it.each(forms)('that the app sets are left in place, with %s', async (_form, create) => {
    const options = { keepAliveTimeout: 7000, headersTimeout: 8000, requestTimeout: 9000 };
    const server = create(appBehind('envoy'), options);
    await portOf(server);
    expect(server).toMatchObject(options);
  });

  it.each(forms)('do not let headers take longer than their request, with %s', async (_form, create) => {
    for (const requestTimeout of [30_000, 62_000, 300_000]) {
      const server = create(appBehind('alb'), { requestTimeout });
      await portOf(server);
      expect(server.headersTimeout).toBe(Math.min(requestTimeout, 65_000));
    }
    const unlimited = create(appBehind('envoy'), { requestTimeout: 0, headersTimeout: 60_000 });
    await portOf(unlimited);
    expect(unlimited.headersTimeout).toBe(3_605_000);
  });

  it.each([
    [
      'serves 200 reuses of connections that are idle up to the limit of the balancer',
      { idleMs: 700 },
      {},
      200,
    ],
    ['serves none of them where the app closes them earlier', 'none', { keepAliveTimeout: 50 }, 0],
  ] as const)('%s', async (_what, balancer, options, served) => {
    const port = await portOf(createServer(appBehind(balancer), options));
    const pool = await Promise.all(Array.from({ length: 200 }, () => connectTo(port)));
    const exchange = async (connection: Connection) => {
      await connection.request('/');
      return (await connection.answer()).startsWith('HTTP/1.1 200');
    };
    expect(await Promise.all(pool.map(exchange))).not.toContain(false);
    if (served === 0) await Promise.all(pool.map(({ ended }) => ended));
    // the limit itself is what passes here
    else await delay(700);
    const reused = await Promise.all(pool.map(exchange));
    expect(reused.filter(Boolean)).toHaveLength(served);
  });

  it('responds with 408 to a connection that is opened in advance only after its limit', async () => {
    const checked = { connectionsCheckingInterval: 10 };
    const tight = createServer(appBehind('nginx'), { ...checked, headersTimeout: 100 });
    const wide = createServer(appBehind({ idleMs: 100, preOpenMs: 100 }), checked);
    const [silent, early] = [await connectTo(await portOf(tight)), await connectTo(await portOf(wide))];
    expect(await silent.rest()).toMatch('HTTP/1.1 408');
    await early.request('/');
    expect(await early.answer()).toMatch('HTTP/1.1 200');
  });

  it.each([
    ['elb', "one of 'nginx', 'alb', 'gcp', 'envoy', 'heroku', 'none'"],
    [{ idle: 1 }, 'unknown option'],
    [{ idleMs: -1 }, 'a whole number of milliseconds'],
  ])('are refused for the balancer %j', (balancer, message) => {
    expect(() => appBehind(balancer as Balancer)).toThrow(message);
  });
});
