import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Application, Request, RequestHandler, Response } from 'express';
import {
  healthChecks,
  memoryStore,
  type ProductionizeOptions,
  productionize,
  report,
  restoreApp,
} from '../../src/index.js';
import { createLogDestination } from '../../src/logging/log-destination.js';
import { expressVersions } from '../helpers/express-versions.js';
import { quiet } from '../helpers/memory-log.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(closeAll);

describe.each(expressVersions)('the facts of a report on %s', (_name, express) => {
  const factsOf = (app: Application, name: string) =>
    report(app)?.parts.find((part) => part.name === name)?.facts ?? {};

  const cases: [part: string, options: ProductionizeOptions, facts: object][] = [
    ['compression', {}, { encodings: expect.arrayContaining(['br', 'gzip']), threshold: 1024 }],
    [
      'compression',
      { compression: { threshold: 9, encodings: ['gzip'] } },
      { encodings: ['gzip'], threshold: 9 },
    ],
    ['healthChecks', {}, { paths: ['/livez', '/readyz', '/startupz'], checks: [], timeoutMs: 800 }],
    [
      'healthChecks',
      { healthChecks: { livePath: false, checks: { db() {} } } },
      { paths: ['/readyz', '/startupz'], checks: ['db'] },
    ],
    ['deadline', { deadline: true }, { afterMs: 30_000, retryAfterSeconds: 2 }],
    ['deadline', { deadline: { afterMs: () => 1 } }, { afterMs: 'a function' }],
    ['loadShedding', { loadShedding: { maxWaitMs: 7 } }, { maxWaitMs: 7, sustainedMs: 1000 }],
    ['metrics', { metrics: { path: '/m' } }, { path: '/m', clients: 'loopback' }],
    ['requestContext', {}, { requestIdHeader: 'x-request-id' }],
    ['fatalErrors', { fatalErrors: true }, { drainMs: 500 }],
    [
      'gracefulShutdown',
      { gracefulShutdown: { delayMs: 3, graceMs: 9000 } },
      { delayMs: 3, graceMs: 9000, orchestrator: expect.any(String), timeoutMs: expect.any(Number) },
    ],
    ['cache', { cache: true }, { store: 'memoryStore' }],
    ['cache', { cache: { store: memoryStore() } }, { store: expect.stringMatching(/^an? /) }],
    ['logger', { logger: { level: 'warn' } }, { level: 'warn', destination: 'stdout' }],
  ];

  it.each(cases)('%s with %j has the same before and after listen', async (part, options, facts) => {
    const app = productionize(express(), { ...quiet(), ...options });
    const { pending: _, ...before } = factsOf(app, part);
    expect(before).toMatchObject(facts);
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(factsOf(app, part)).toEqual(before);
    restoreApp(app);
    server.close();
  });

  it("states first that the app's own parts are not known yet, and later which were found", async () => {
    const app = productionize(express(), quiet());
    app.get('/livez', (_req: Request, res: Response) => void res.send('own'));
    expect(factsOf(app, 'healthChecks')).toHaveProperty('pending');
    await get((await serve(app)).url);
    expect(factsOf(app, 'healthChecks')).not.toHaveProperty('pending');
    expect(factsOf(app, 'healthChecks')).toMatchObject({
      paths: ['/readyz', '/startupz'],
      leftToTheApp: ['/livez'],
    });
  });

  it('finds healthChecks() of the app under the name that a minifier gives it, and no other function by its name', async () => {
    const stateOf = async (middleware: RequestHandler) => {
      const app = productionize(express(), quiet());
      app.use(middleware);
      await get((await serve(app)).url);
      const state = report(app)?.parts.find(({ name }) => name === 'healthChecks')?.state;
      restoreApp(app);
      return state;
    };
    const health = healthChecks();
    expect(await stateOf(Object.defineProperty(health, 'name', { value: 'a' }))).toBe('kept');
    health.close();
    expect(
      await stateOf(function healthChecksMiddleware(_req, _res, next) {
        next();
      }),
    ).toBe('on');
  });

  it("names the app's own listeners for uncaught errors, to which rejections are left", async () => {
    const app = productionize(express(), { ...quiet(), fatalErrors: true });
    await get((await serve(app)).url);
    const before = factsOf(app, 'fatalErrors');
    expect(before).toEqual({ drainMs: 500 });
    const sendReport = () => {};
    const logRejection = () => {};
    process.on('uncaughtException', sendReport).on('unhandledRejection', logRejection);
    expect(factsOf(app, 'fatalErrors')).toEqual({
      drainMs: 500,
      leftToTheApp: 'rejections, to an unhandledRejection listener (logRejection)',
      beside: 'an uncaughtException listener (sendReport)',
    });
    process.off('uncaughtException', sendReport).off('unhandledRejection', logRejection);
    expect(factsOf(app, 'fatalErrors')).toEqual(before);
    restoreApp(app);
  });

  it('states that rejections do not end the process where an option of Node requires it', () => {
    const { NODE_OPTIONS } = process.env;
    process.env.NODE_OPTIONS = '--unhandled-rejections=warn';
    const app = productionize(express(), { ...quiet(), fatalErrors: true });
    expect(factsOf(app, 'fatalErrors')).toEqual({
      drainMs: 500,
      rejections: 'logged only, because of --unhandled-rejections=warn',
    });
    if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = NODE_OPTIONS;
    restoreApp(app);
  });

  it('states the level of the log, and names its file', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'report-')), 'log');
    const app = productionize(express(), { logger: { destination: createLogDestination({ path: file }) } });
    expect(factsOf(app, 'logger')).toEqual({ level: 'silent', destination: file });
    restoreApp(app);
  });

  it('lists the options that were given by name, and no value that is no plain data', () => {
    const log = quiet();
    const app = productionize(express(), {
      ...log,
      compression: { threshold: 2048, encodings: ['gzip'], filter: () => true, breach: undefined },
    });
    const options = (name: string) => report(app)?.parts.find((part) => part.name === name)?.options;
    expect(options('compression')).toEqual({
      threshold: 2048,
      encodings: ['gzip'],
      filter: 'a function filter',
    });
    expect(options('deadline')).toEqual({});
    expect(String(report(app))).toMatch(
      /compression .*threshold: 2048.*options: threshold: 2048, encodings: gzip/,
    );
    expect(JSON.stringify(report(app))).not.toContain('[object');
  });

  it('lists the servers with their timeouts while they serve', async () => {
    const app = productionize(express(), quiet());
    expect(report(app)?.servers).toEqual([]);
    const server = app.listen(0, '127.0.0.1');
    expect(report(app)?.servers).toHaveLength(1);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.requestTimeout = 7000;
    expect(report(app)?.servers).toEqual([
      {
        address: `127.0.0.1:${port}`,
        keepAliveTimeoutMs: 65_000,
        headersTimeoutMs: server.headersTimeout,
        requestTimeoutMs: 7000,
      },
    ]);
    expect(String(report(app))).toContain(`> 127.0.0.1:${port}  keepAliveTimeoutMs: 65000`);
    server.close();
    await once(server, 'close');
    expect(report(app)?.servers).toEqual([]);
  });
});
