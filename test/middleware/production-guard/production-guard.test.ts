import fs from 'node:fs';
import tty from 'node:tty';
import { productionGuard, productionize, report } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { killAll, run } from '../../helpers/program.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

const names = [
  'NODE_ENV',
  'DEBUG',
  'pm_id',
  'KUBERNETES_SERVICE_HOST',
  'ECS_CONTAINER_METADATA_URI_V4',
  'INVOCATION_ID',
];
const before = names.map((name) => [name, process.env[name]] as const);
const nearMisses = ['Production', 'PRODUCTION', 'prod', 'live', 'staging', '', 'production '];

function setEnv(name: string, value: string | undefined) {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

beforeEach(() => {
  for (const name of names.slice(1)) setEnv(name, undefined);
});

afterEach(async () => {
  for (const [name, value] of before) setEnv(name, value);
  jest.restoreAllMocks();
  killAll();
  await closeAll();
});

const codes = (guard: ReturnType<typeof productionGuard>) => guard.findings.map(({ code }) => code);

describe.each(expressVersions)('productionGuard on %s', (_name, express) => {
  it.each(nearMisses)('reports NODE_ENV=%j as a near miss, and hardens the app anyway', async (value) => {
    setEnv('NODE_ENV', value);
    const app = express();
    const guard = productionGuard(app);
    expect(guard.findings[0]).toMatchObject({
      code: 'ERR_PRODUCTIONIZE_NODE_ENV',
      message: expect.stringContaining(`NODE_ENV is '${value}'`),
    });
    expect([app.enabled('view cache'), app.enabled('x-powered-by')]).toEqual([true, false]);
  });

  it.each(nearMisses)('shows no stack in the response with NODE_ENV=%j', async (value) => {
    setEnv('NODE_ENV', value);
    const app = productionize(express(), quiet());
    app.get('/', () => {
      throw new Error('secret');
    });
    const { url } = await serve(app);
    expect((await get(url)).text).not.toMatch(/secret|\.ts:/);
  });

  it('corrects env and view cache when NODE_ENV was set after express(), and names the cause', () => {
    setEnv('NODE_ENV', undefined);
    const app = express();
    setEnv('NODE_ENV', 'production');
    const guard = productionGuard(app);
    expect([app.get('env'), app.enabled('view cache')]).toEqual(['production', true]);
    expect(guard.findings[0]).toMatchObject({
      code: 'ERR_PRODUCTIONIZE_NODE_ENV_LATE',
      message: expect.stringContaining('dotenv'),
    });
  });

  it('checks a NODE_ENV that is set between productionize and the first request', async () => {
    setEnv('NODE_ENV', undefined);
    const app = productionize(express(), { ...quiet(), detectSyncIo: false, fatalErrors: false });
    setEnv('NODE_ENV', 'production');
    const { url } = await serve(app);
    await get(url);
    expect(app.get('env')).toBe('production');
  });

  it.each(['test', 'development'])('does not warn with NODE_ENV=%j', (value) => {
    setEnv('NODE_ENV', value);
    setEnv('DEBUG', '*');
    setEnv('pm_id', '0');
    const guard = productionGuard(express(), { mode: 'throw' });
    guard.recheck();
    expect(codes(guard)).toEqual(['fixed']);
  });

  it.each(['production', 'development', 'test', undefined])(
    'turns x-powered-by off with NODE_ENV=%j',
    async (value) => {
      setEnv('NODE_ENV', value);
      const app = productionize(express(), { ...quiet(), detectSyncIo: false, fatalErrors: false });
      app.get('/', (_req, res) => void res.send('ok'));
      const { url } = await serve(app);
      expect((await get(url)).headers).not.toHaveProperty('x-powered-by');
    },
  );

  describe('where NODE_ENV is not set', () => {
    let onTerminal = true;
    let inContainer = false;

    beforeEach(() => {
      setEnv('NODE_ENV', undefined);
      onTerminal = true;
      inContainer = false;
      jest.spyOn(tty, 'isatty').mockImplementation(() => onTerminal);
      const exists = fs.existsSync;
      jest
        .spyOn(fs, 'existsSync')
        .mockImplementation((file) =>
          ['/.dockerenv', '/run/.containerenv'].includes(String(file)) ? inContainer : exists(file),
        );
    });

    const unset = (guard: ReturnType<typeof productionGuard>) =>
      guard.findings
        .filter(({ code }) => code === 'ERR_PRODUCTIONIZE_NODE_ENV')
        .map(({ message }) => message);

    function started() {
      const guard = productionGuard(express());
      expect(unset(guard)).toEqual([]);
      guard.recheck();
      guard.recheck();
      return unset(guard);
    }

    it('does not warn on a terminal, where a developer starts the app', () => {
      expect(started()).toEqual([]);
      setEnv('INVOCATION_ID', 'of the desktop session');
      expect(started()).toEqual([]);
    });

    it.each([
      ['pm_id', '0', "env: { NODE_ENV: 'production' }"],
      ['pm_id', '0', '--env production'],
      ['KUBERNETES_SERVICE_HOST', '10.0.0.1', 'env: [{ name: NODE_ENV, value: production }]'],
      [
        'ECS_CONTAINER_METADATA_URI_V4',
        'http://x',
        '"environment": [{ "name": "NODE_ENV", "value": "production" }]',
      ],
      ['INVOCATION_ID', 'a', 'Environment=NODE_ENV=production'],
    ])('warns once where %s is set, with the line for that process manager', (name, value, line) => {
      onTerminal = false;
      setEnv(name, value);
      expect(started()).toEqual([expect.stringContaining(line)]);
    });

    it('warns once in a container, with the line for the Dockerfile', () => {
      inContainer = true;
      expect(started()).toEqual([expect.stringContaining('ENV NODE_ENV=production')]);
    });

    it('warns once where stdout is no terminal', () => {
      onTerminal = false;
      expect(started()).toEqual([expect.stringContaining('NODE_ENV=production node app.js')]);
    });

    it('does not warn where a late dotenv sets it', () => {
      onTerminal = false;
      const guard = productionGuard(express());
      setEnv('NODE_ENV', 'development');
      guard.recheck();
      expect(unset(guard)).toEqual([]);
    });

    it('prevents the start with mode throw', () => {
      onTerminal = false;
      expect(() => productionGuard(express(), { mode: 'throw' })).toThrow(/NODE_ENV is not set/);
    });
  });

  it('prevents the start with mode throw, and checks nothing with mode off', () => {
    setEnv('NODE_ENV', 'prod');
    expect(() => productionGuard(express(), { mode: 'throw' })).toThrow(/expected exactly 'production'/);
    expect(productionGuard(express(), { mode: 'off' }).findings).toEqual([]);
    expect(() => productionGuard(express(), { mode: 'loud' as never })).toThrow(
      /one of 'warn', 'throw', 'off'/,
    );
  });

  it('reports the hop count when X-Forwarded-For is received and trust proxy is off', async () => {
    setEnv('NODE_ENV', 'production');
    const app = express();
    const guard = productionGuard(app);
    app.use(guard, (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    for (let i = 0; i < 3; i++) await get(url, { headers: { 'x-forwarded-for': '192.0.2.1, 192.0.2.2' } });
    const found = guard.findings.filter(({ code }) => code === 'ERR_PRODUCTIONIZE_TRUST_PROXY');
    expect(found).toHaveLength(1);
    expect(found[0]?.message).toContain("app.set('trust proxy', 2)");
  });

  it.each<[boolean | number | string, string[], string[]]>([
    [true, ['192.0.2.1, 192.0.2.2'], ["arrives with 2 addresses, and 'trust proxy' is true"]],
    [true, [], []],
    [2, ['192.0.2.1, 192.0.2.2', '192.0.2.1'], ["arrives with 1 address, but 'trust proxy' is 2"]],
    [3, ['192.0.2.1'], ["arrives with 1 address, but 'trust proxy' is 3"]],
    [2, ['192.0.2.1, 192.0.2.2', 'spoofed, 192.0.2.1, 192.0.2.2'], []],
    ['loopback', ['192.0.2.1, 192.0.2.2'], []],
  ])('compares trust proxy %j with X-Forwarded-For %j', async (trusted, chains, messages) => {
    setEnv('NODE_ENV', 'production');
    const app = express();
    app.set('trust proxy', trusted);
    const guard = productionGuard(app);
    app.use(guard, (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    for (const chain of [...chains, ...chains]) await get(url, { headers: { 'x-forwarded-for': chain } });
    await get(url);
    const found = guard.findings.filter(({ code }) => code === 'ERR_PRODUCTIONIZE_TRUST_PROXY');
    expect(found.map(({ message }) => message)).toEqual(
      messages.map((text) => expect.stringContaining(text)),
    );
    const fewest = Math.min(...chains.map((chain) => chain.split(',').length));
    expect(guard.forwardedHops()).toBe(chains.length > 0 ? fewest : undefined);
  });

  it('states in the report how many proxies are in front', async () => {
    setEnv('NODE_ENV', 'production');
    const app = productionize(express(), { ...quiet(), fatalErrors: false });
    app.set('trust proxy', 2);
    const facts = () => report(app)?.parts.find(({ name }) => name === 'productionGuard')?.facts;
    const { url } = await serve(app);
    await get(url);
    expect(facts()).toEqual({ mode: 'production' });
    for (const chain of ['spoofed, 192.0.2.1, 192.0.2.2', '192.0.2.1, 192.0.2.2']) {
      await get(url, { headers: { 'x-forwarded-for': chain } });
    }
    expect(facts()).toEqual({ mode: 'production', forwardedHops: 2 });
  });

  it('lists trust proxy true in the report, and warns of a Forwarded header that is not read', async () => {
    setEnv('NODE_ENV', 'production');
    const app = express();
    app.set('trust proxy', true);
    const guard = productionGuard(app);
    expect(guard.findings).toContainEqual({
      code: 'note',
      message: expect.stringContaining("'trust proxy' is true"),
    });
    app.use(guard, (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    await get(url, { headers: { forwarded: 'for=192.0.2.1' } });
    expect(codes(guard)).toContain('ERR_PRODUCTIONIZE_FORWARDED');
  });

  it('does not warn when trust proxy is set to the hops', async () => {
    setEnv('NODE_ENV', 'production');
    const app = express();
    app.set('trust proxy', 1);
    const guard = productionGuard(app);
    app.use(guard, (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    await get(url, { headers: { 'x-forwarded-for': '192.0.2.1' } });
    expect(codes(guard).filter((code) => code.startsWith('ERR'))).toEqual([]);
  });

  it('fixes x-powered-by and lists an extended query parser', async () => {
    setEnv('NODE_ENV', 'production');
    const app = express();
    app.set('query parser', 'extended');
    const guard = productionGuard(app);
    expect(guard.findings.map(({ message }) => message).join()).toMatch(/x-powered-by was on.*query parser/s);
    app.use(guard, (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    expect((await get(url)).headers).not.toHaveProperty('x-powered-by');
  });

  it('warns of DEBUG=* in production, but not of a single namespace', () => {
    setEnv('NODE_ENV', 'production');
    setEnv('DEBUG', 'express:*,*');
    expect(codes(productionGuard(express()))).toContain('ERR_PRODUCTIONIZE_DEBUG_ALL');
    setEnv('DEBUG', 'express:*');
    expect(codes(productionGuard(express()))).not.toContain('ERR_PRODUCTIONIZE_DEBUG_ALL');
  });

  it('does not read process.env during requests', async () => {
    setEnv('NODE_ENV', 'production');
    const app = productionize(express(), { ...quiet(), fatalErrors: false });
    app.get('/', (_req, res) => void res.send('ok'));
    app.get('/throws', () => {
      throw new Error('x');
    });
    const { url } = await serve(app);
    await get(url);
    const reads: string[] = [];
    const { env } = process;
    process.env = new Proxy(env, {
      get(target, name, receiver) {
        if (new Error().stack?.includes('/src/')) reads.push(String(name));
        return Reflect.get(target, name, receiver);
      },
    });
    try {
      for (const path of ['/', '/throws', '/missing']) {
        await get(url + path, { headers: { 'accept-encoding': 'br', 'x-forwarded-for': '192.0.2.1' } });
      }
    } finally {
      process.env = env;
    }
    expect(reads).toEqual([]);
  });
});

describe('production guard warnings', () => {
  it.each(['express4', 'express'])(
    'are printed once per process, with their code, for %s',
    async (expressName) => {
      const program = run('guard.mjs', { args: [expressName], env: { NODE_ENV: 'Production' } });
      expect((await program.exit()).code).toBe(0);
      const printed = program.err.filter((line) => line.includes('ERR_PRODUCTIONIZE_NODE_ENV'));
      expect(printed).toHaveLength(1);
      expect(printed[0]).toMatch(
        /\[ERR_PRODUCTIONIZE_NODE_ENV\] ProductionizeWarning: NODE_ENV is 'Production'/,
      );
    },
  );

  it.each(['express4', 'express'])('name an open inspector in production, for %s', async (expressName) => {
    const inspect = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };
    const inProduction = run('guard.mjs', { args: [expressName], env: inspect });
    const inDevelopment = run('guard.mjs', {
      args: [expressName],
      env: { ...inspect, NODE_ENV: 'development' },
    });
    expect([(await inProduction.exit()).code, (await inDevelopment.exit()).code]).toEqual([0, 0]);
    const warning = /\[ERR_PRODUCTIONIZE_INSPECTOR\].* listens on 127\.0\.0\.1:\d+: /;
    expect(inProduction.err.filter((line) => warning.test(line))).toHaveLength(1);
    expect(inDevelopment.err.filter((line) => warning.test(line))).toEqual([]);
  });
});
