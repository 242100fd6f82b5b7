import { EventEmitter } from 'node:events';
import compressionPackage from 'compression';
import type { ErrorRequestHandler } from 'express';
import morgan from 'morgan';
import * as library from '../../src/index.js';
import { report, responseCache, restoreApp } from '../../src/index.js';
import { redisStore } from '../../src/redis/index.js';
import { expressVersions } from '../helpers/express-versions.js';
import { memoryLog, quiet } from '../helpers/memory-log.js';
import { closeAll, get, serve } from '../helpers/serve.js';

const { productionize } = library;

afterEach(closeAll);

/** The warnings of one code that an action causes. */
async function warningsOf(code: string, action: () => unknown): Promise<string[]> {
  const emit = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  try {
    await action();
    const calls = emit.mock.calls as unknown as [message: string, options: { code: string }][];
    return calls.filter(([, options]) => options.code === code).map(([message]) => message);
  } finally {
    emit.mockRestore();
  }
}

describe.each(expressVersions)('misuse on %s', (name, express) => {
  const middlewares = [
    'bodyGuard',
    'cacheControl',
    'compression',
    'deadline',
    'detectSyncIo',
    'errorHandler',
    'healthChecks',
    'loadShedding',
    'metrics',
    'notFound',
    'productionGuard',
    'productionize',
    'requestContext',
    'requestLogger',
    'responseCache',
    'staticFiles',
    'wrapAsync',
  ] as const;

  it.each(middlewares)('names %s when its parentheses were forgotten', async (factory) => {
    const app = express();
    const messages: unknown[] = [];
    app.use((library as Record<string, unknown>)[factory] as never);
    app.use(((error, _req, res, _next) => {
      messages.push(error.code, error.message);
      res.status(500).end();
    }) as ErrorRequestHandler);
    const { url } = await serve(app);
    expect((await get(url)).status).toBe(500);
    expect(messages[0]).toBe('ERR_PRODUCTIONIZE_MIDDLEWARE');
    expect(messages[1]).toMatch(new RegExp(`^${factory}: .*${factory}\\(.*see docs/errors.md#`));
    expect(messages[1]).not.toContain('[object');
  });

  it('reports that productionize is no middleware, before the app inherits from itself', async () => {
    const app = express();
    const request = Object.getPrototypeOf(app.request);
    expect(() => app.use(productionize(app, quiet()))).toThrow(
      /wrote app\.use\(productionize\(app\)\)\. .*write productionize\(app\)/,
    );
    restoreApp(app);
    expect(Object.getPrototypeOf(app.request)).toBe(request);
    expect(app.listenerCount('mount')).toBe(express().listenerCount('mount'));
  });

  it('mounts a productionized app in another one', async () => {
    const sub = productionize(express(), quiet());
    sub.get('/', (_req, res) => void res.send('sub'));
    const app = express();
    app.use('/sub', sub);
    expect((await get(`${(await serve(app)).url}/sub`)).text).toBe('sub');
  });

  it('warns of a second call with other options, once, and of none without', async () => {
    const { options } = memoryLog();
    const app = productionize(express(), options);
    const code = 'ERR_PRODUCTIONIZE_TWICE';
    expect(await warningsOf(code, () => productionize(app))).toEqual([]);
    expect(await warningsOf(code, () => productionize(app, options))).toEqual([]);
    const other = name === 'Express 4' ? { deadline: true, bodyGuard: false } : { deadline: { afterMs: 1 } };
    const warnings = await warningsOf(code, () => {
      productionize(app, { ...options, ...other });
      productionize(app, { ...options, ...other });
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      `${Object.keys(other)
        .map((option) => `\`${option}\``)
        .join(', ')} ha`,
    );
  });

  it('checks the options of a second call', () => {
    const app = productionize(express(), quiet());
    expect(() => productionize(app, { compresion: false } as never)).toThrow(/unknown option 'compresion'/);
  });

  it('runs a request log with options given by name beside the one of the app, and reports both', async () => {
    const log = memoryLog();
    const theirs: string[] = [];
    const app = productionize(express(), { ...log.options, requestLogger: { headers: ['x-name'] } });
    app.use(morgan('tiny', { stream: { write: (line) => void theirs.push(line) } }));
    app.get('/', (_req, res) => void res.send('ok'));
    await get((await serve(app)).url);
    expect(await log.line(({ status }) => status === 200)).toBeDefined();
    expect(theirs).toHaveLength(1);
    const part = report(app)?.parts.find((one) => one.name === 'requestLogger');
    expect(part).toMatchObject({ state: 'on', options: { headers: ['x-name'] } });
    expect(part?.facts).toEqual({ beside: 'morgan' });
  });

  it('warns where options given by name have no effect beside what the app brings', async () => {
    const app = productionize(express(), {
      ...quiet(),
      [name === 'Express 4' ? 'cache' : 'compression']:
        name === 'Express 4' ? { ttlSeconds: 60 } : { threshold: 2048 },
    });
    app.use(name === 'Express 4' ? responseCache() : compressionPackage());
    const [warning] = await warningsOf('ERR_PRODUCTIONIZE_FOUND', async () => get((await serve(app)).url));
    expect(warning).toMatch(
      name === 'Express 4' ? /options of `cache` \(ttlSeconds\)/ : /options of `compression` \(threshold\)/,
    );
    expect(report(app)?.parts.some(({ state }) => state === 'kept')).toBe(true);
  });

  it("does not warn where a part that was only switched on gives way to the app's own", async () => {
    const app = productionize(express(), { ...quiet(), compression: true, healthChecks: true });
    app.use(compressionPackage());
    const { url } = await serve(app);
    expect(await warningsOf('ERR_PRODUCTIONIZE_FOUND', () => get(url))).toEqual([]);
  });

  it('names the part of an option that stands at the top', () => {
    const wrong = (options: object) => () => productionize(express(), options as never);
    expect(wrong({ level: 'debug' })).toThrow(/did you mean `logger: \{ level \}`\?/);
    expect(wrong({ drainMs: 1 })).toThrow(/did you mean `fatalErrors: \{ drainMs \}`\?/);
    expect(wrong({ retryAfterSeconds: 1 })).toThrow(
      /`loadShedding: \{ retryAfterSeconds \}` or `deadline: \{ retryAfterSeconds \}`/,
    );
    expect(wrong({ level: 'debug' })).toThrow(/ERR_PRODUCTIONIZE_OPTION/);
  });

  it('takes true for every part, and false for all but the request context', () => {
    const parts = report(productionize(express(), quiet()))?.parts ?? [];
    expect(parts).toHaveLength(18);
    for (const { name: part } of parts) {
      for (const value of [true, false]) {
        const app = express();
        const call = () => productionize(app, { ...quiet(), [part]: value });
        if (part === 'requestContext' && !value) {
          expect(call).toThrow(/`requestContext` to be true or an options object; it cannot be switched off/);
        } else {
          expect(report(call())?.parts.find((one) => one.name === part)?.state).toBe(value ? 'on' : 'off');
          restoreApp(app);
        }
      }
    }
  });

  it('describes the received value instead of printing it', () => {
    const wrong = (options: unknown) => () => productionize(express(), options as never);
    expect(wrong({ compression: () => {} })).toThrow(/got a function compression/);
    expect(wrong({ compression: express() })).toThrow(/got an Express app/);
    expect(wrong({ compression: express.Router() })).toThrow(/got a Router/);
    expect(() => productionize({ use: 1, handle: {} } as never)).toThrow(
      /got an object with the keys use, handle\. /,
    );
    expect(() => productionize(new EventEmitter() as never)).toThrow(/got an EventEmitter/);
  });
});

describe('misuse of the parts', () => {
  it('explains how cacheControl takes its directives', () => {
    expect(() => library.cacheControl(60 as never)).toThrow(
      /cacheControl: expected an options object, got 60\. Pass the directives by name, such as cacheControl\(\{ maxAge: 60 \}\)/,
    );
    expect(() => library.cacheControl('no-store' as never)).toThrow(/Pass the directives by name/);
  });

  it('explains how redisStore takes its client, and repeats no address with a password', () => {
    const wrong = () => redisStore('redis://user:secret@host' as never);
    expect(wrong).toThrow(/redisStore\(\{ client: createClient\(\{ url \}\) \}\)/);
    expect(wrong).not.toThrow(/secret/);
    const client = Object.assign(new EventEmitter(), { duplicate() {}, sendCommand() {}, isReady: false });
    expect(() => redisStore(client as never)).toThrow(/redisStore: got the client itself\. .*\{ client \}/);
  });
});
