import childProcess from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import timers from 'node:timers/promises';
import util from 'node:util';
import vm from 'node:vm';
import zlib from 'node:zlib';
import type { RequestHandler } from 'express';
import { detectSyncIo, requestContext, type SyncIoDetector, type SyncIoOptions } from '../../../src/index.js';
import { callSiteOf } from '../../../src/middleware/sync-io/call-site.js';
import { ownSyncWork } from '../../../src/support/unobserved.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { fakeTimeouts } from '../../helpers/fake-timers.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

const detectors: SyncIoDetector[] = [];

function detect(options: SyncIoOptions = {}): SyncIoDetector {
  const detector = detectSyncIo({ onFinding() {}, ...options });
  detectors.push(detector);
  return detector;
}

afterEach(async () => {
  for (const detector of detectors.splice(0)) detector.uninstall();
  await closeAll();
});

describe.each(expressVersions)('detectSyncIo on %s', (_name, express) => {
  async function findingsOf(handler: RequestHandler, options?: SyncIoOptions) {
    const detector = detect(options);
    const app = express();
    app.use(detector);
    app.get('/users/:id', handler);
    const { url } = await serve(app);
    const { status } = await get(`${url}/users/1?token=secret`);
    return { status, findings: detector.findings(), text: JSON.stringify(detector.findings()) };
  }

  it('reports readFileSync with an encoding: function, call site, route, count and ms', async () => {
    const { findings, text } = await findingsOf(function read(_req, res) {
      res.send(fs.readFileSync(__filename, 'utf8'));
    });
    expect(findings).toEqual([
      {
        api: 'fs.readFileSync',
        group: 'fs',
        site: expect.stringMatching(/sync-io-detector\.test\.ts:\d+:\d+$/),
        method: 'GET',
        route: '/users/:id',
        reason: undefined,
        stack: expect.stringContaining('read'),
        count: 1,
        totalMs: expect.any(Number),
        maxMs: expect.any(Number),
      },
    ]);
    expect(findings[0]?.totalMs).toBeGreaterThan(0);
    expect(text).not.toContain('secret');
  });

  it("does not report what the module loader of Yarn Plug'n'Play reads, and names the caller of the loader", async () => {
    const filename = '/shop/.pnp.cjs';
    const read = vm.runInThisContext("(fs) => fs.existsSync('/')", { filename });
    const load = vm.runInThisContext('(module) => module.load()', { filename });
    const module = { load: () => callSiteOf(module.load as never).site };
    const sites: string[] = [];
    const { findings } = await findingsOf((_req, res) => {
      sites.push(load(module));
      res.json(read(fs));
    });
    expect(findings).toEqual([]);
    expect(sites).toEqual([expect.stringMatching(/sync-io-detector\.test\.ts:\d+:\d+$/)]);
  });

  it.each(['out.cjs', 'dist/my app.cjs'])(
    'reports the call site in a script with the name %s',
    async (name) => {
      // a single executable runs its script under such a name
      const exists = vm.runInThisContext("(fs) => fs.existsSync('/')", { filename: name });
      const { findings } = await findingsOf((_req, res) => res.json([1, 2].map(() => exists(fs))));
      expect(findings.map(({ site }) => site)).toEqual([`${name}:1:12`]);
    },
  );

  it.each(['./src', '(rsc)/./src'])(
    'reports the call site in a module of webpack in %s',
    async (directory) => {
      const names = ['one.js', 'two.js'].map((file) => `webpack-internal:///${directory}/${file}`);
      const moduleOf = (name: string) =>
        // biome-ignore lint/security/noGlobalEval: bundles for development do the same
        globalThis.eval(`(fs) => fs.existsSync('/')\n//# sourceURL=${name}`);
      const modules = names.map(moduleOf);
      const { findings } = await findingsOf((_req, res) => res.json(modules.map((exists) => exists(fs))));
      expect(findings.map(({ site }) => site).sort()).toEqual(names.map((name) => `${name}:1:12`));
    },
  );

  it('reports existsSync, execSync, pbkdf2Sync and gzipSync, each once', async () => {
    const { findings } = await findingsOf((_req, res) => {
      fs.existsSync('/');
      childProcess.execSync('true');
      crypto.pbkdf2Sync('a', 'b', 1, 8, 'sha256');
      zlib.gzipSync('a');
      res.end();
    });
    expect(findings.map(({ api }) => api).sort()).toEqual([
      'child_process.execSync',
      'crypto.pbkdf2Sync',
      'fs.existsSync',
      'zlib.gzipSync',
    ]);
  });

  it('reports a call behind an await, a timer and a promise', async () => {
    const { findings } = await findingsOf(async (_req, res) => {
      await fs.promises.stat('/');
      fs.statSync('/');
      setTimeout(() => {
        fs.lstatSync('/');
        Promise.resolve('/')
          .then(fs.readdirSync as (path: string) => string[])
          .then(() => res.end());
      }, 1);
      // one more that is due with it: what the first one promised is done between them, from Node's queue of ticks
      setTimeout(() => {}, 1);
    });
    expect(findings.map(({ api }) => api).sort()).toEqual(['fs.lstatSync', 'fs.readdirSync', 'fs.statSync']);
    expect(findings.find(({ api }) => api === 'fs.readdirSync')?.site).toBe('(no call site)');
  });

  it('counts a call that throws, and passes the error on', async () => {
    let caught: unknown;
    const { findings } = await findingsOf((_req, res) => {
      try {
        fs.statSync('/no/such/file');
      } catch (error) {
        caught = error;
      }
      res.end();
    });
    expect(caught).toMatchObject({ code: 'ENOENT' });
    expect(findings).toMatchObject([{ api: 'fs.statSync', count: 1 }]);
  });

  it('counts the outer call only when builtins call each other', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sync-io-'));
    fs.mkdirSync(path.join(dir, 'a'));
    const { findings } = await findingsOf((_req, res) => {
      fs.cpSync(dir, `${dir}-copy`, { recursive: true });
      fs.rmSync(`${dir}-copy`, { recursive: true });
      fs.rmSync(dir, { recursive: true });
      res.end();
    });
    expect(findings.map(({ api, count }) => `${api} ${count}`).sort()).toEqual([
      'fs.cpSync 1',
      'fs.rmSync 1',
      'fs.rmSync 1',
    ]);
  });

  it('reports hashing when it is slow, and not when it is quick', async () => {
    // three times what counts as slow, on any machine
    let large = Buffer.alloc(32 * 1024 * 1024);
    const takes = () => {
      const begin = performance.now();
      crypto.createHash('sha1').update(large).digest();
      return performance.now() - begin;
    };
    while (takes() < 30) large = Buffer.alloc(2 * large.length);
    const { findings } = await findingsOf((_req, res) => {
      for (let i = 0; i < 50; i++) crypto.createHash('sha1').update('quick').digest();
      crypto.createHash('sha1').update(large).digest();
      res.end();
    });
    const [slow, ...others] = findings.sort((a, b) => b.totalMs - a.totalMs);
    expect(slow).toMatchObject({ api: 'crypto.Hash.update', count: 1 });
    // a quick one that the machine interrupted was slow
    expect(others.reduce((sum, { count }) => sum + count, 0)).toBeLessThan(10);
  });

  it('reports nothing at boot, in a timer outside requests, or after the response', async () => {
    const detector = detect();
    fs.existsSync('/');
    const ticked = deferred();
    setTimeout(() => {
      fs.existsSync('/');
      ticked.resolve();
    }, 1);
    const late = deferred();
    const app = express();
    app.use(detector);
    app.get('/', (_req, res) => {
      res.end();
      fs.existsSync('/');
      setImmediate(() => {
        fs.existsSync('/');
        late.resolve();
      });
    });
    const { url } = await serve(app);
    await get(url);
    await Promise.all([ticked.promise, late.promise]);
    fs.existsSync('/');
    expect(detector.findings()).toEqual([]);
  });

  it('reports no synchronous work of the library itself', async () => {
    const { findings } = await findingsOf((_req, res) => {
      ownSyncWork.depth += 1;
      zlib.gzipSync('ours');
      ownSyncWork.depth -= 1;
      zlib.deflateSync('theirs');
      res.end();
    });
    expect(findings.map(({ api }) => api)).toEqual(['zlib.deflateSync']);
  });

  it('ignores the requests of an app that does not use the detector', async () => {
    const detector = detect();
    const other = express();
    other.use(requestContext());
    other.get('/', (_req, res) => void res.send(String(fs.existsSync('/'))));
    const { url } = await serve(other);
    await get(url);
    expect(detector.findings()).toEqual([]);
  });

  describe('views', () => {
    const views = fs.mkdtempSync(path.join(os.tmpdir(), 'sync-io-views-'));
    fs.writeFileSync(path.join(views, 'home.txt'), 'home');
    afterAll(() => fs.rmSync(views, { recursive: true }));

    async function render(cache: boolean, read: (file: string) => string = () => 'home') {
      const detector = detect();
      const app = express();
      app.set('views', views).set('view cache', cache);
      app.engine('txt', (file, _options, done) => done(null, read(file)));
      app.use(detector);
      app.get('/', (_req, res) => res.render('home.txt'));
      const { url } = await serve(app);
      await get(url);
      expect((await get(url)).text).toBe('home');
      return detector.findings();
    }

    it('reports no file lookup of a view when the view cache is off', async () => {
      expect(await render(false)).toEqual([]);
    });

    it("reports what the app's own view engine reads", async () => {
      const findings = await render(false, (file) => fs.readFileSync(file, 'utf8'));
      expect(findings).toMatchObject([
        {
          api: 'fs.readFileSync',
          count: 2,
          site: expect.stringMatching(/sync-io-detector\.test\.ts:\d+:\d+$/),
        },
      ]);
    });

    it('reports nothing when the view cache is on', async () => {
      expect(await render(true)).toEqual([]);
    });
  });

  it('reports one finding with a count for a site that is called 10,000 times', async () => {
    const told: number[] = [];
    const { findings } = await findingsOf(
      (_req, res) => {
        for (let i = 0; i < 10_000; i++) fs.existsSync('/');
        res.end();
      },
      { onFinding: ({ count }) => told.push(count) },
    );
    expect(findings).toMatchObject([{ api: 'fs.existsSync', count: 10_000 }]);
    expect(told).toEqual([10_000]);
  });

  it('captures a bounded number of stacks in one request, and distinguishes two sites in the next', async () => {
    const capture = jest.spyOn(Error, 'captureStackTrace');
    try {
      const detector = detect();
      const app = express();
      app.use(detector);
      app.get('/many', (_req, res) => {
        for (let i = 0; i < 10_000; i++) fs.existsSync('/');
        res.end();
      });
      app.get('/two', (_req, res) => {
        fs.existsSync('/');
        fs.existsSync('/');
        res.end();
      });
      const { url } = await serve(app);
      const before = capture.mock.calls.length;
      await get(`${url}/many`);
      const taken = capture.mock.calls.length - before;
      expect(taken).toBeGreaterThan(0);
      expect(taken).toBeLessThan(50);
      await get(`${url}/two`);
      const sites = detector.findings().filter(({ route }) => route === '/two');
      expect(sites.map(({ count }) => count)).toEqual([1, 1]);
      expect(new Set(sites.map(({ site }) => site)).size).toBe(2);
    } finally {
      capture.mockRestore();
    }
  });

  it('creates a context, so that it works alone, and calls next immediately', async () => {
    let synchronous = false;
    const detector = detect();
    const app = express();
    app.use((req, res, next) => {
      let called = false;
      detector(req, res, () => {
        called = true;
        next();
      });
      synchronous = called;
    });
    app.get('/', (req, res) => void res.send(req.id));
    const { url } = await serve(app);
    expect((await get(url)).text).not.toBe('');
    expect(synchronous).toBe(true);
  });

  it('continues when `ignore` and `onFinding` throw', async () => {
    const { status, findings } = await findingsOf(
      (_req, res) => {
        fs.existsSync('/');
        res.end();
      },
      {
        ignore() {
          throw new Error('ignore');
        },
        onFinding() {
          throw new Error('onFinding');
        },
      },
    );
    expect(status).toBe(200);
    expect(findings).toMatchObject([{ api: 'fs.existsSync', count: 1 }]);
  });

  it('does not report calls of `ignore` itself, nor the findings for which it returns true', async () => {
    const asked: string[] = [];
    const { findings } = await findingsOf(
      (_req, res) => {
        for (let i = 0; i < 3; i++) fs.existsSync('/');
        fs.statSync('/');
        res.end();
      },
      {
        ignore({ api }) {
          asked.push(api);
          fs.readdirSync('/');
          return api === 'fs.existsSync';
        },
      },
    );
    expect(asked).toEqual(['fs.existsSync', 'fs.statSync']);
    expect(findings.map(({ api }) => api)).toEqual(['fs.statSync']);
  });

  it('calls `onFinding` outside the request', async () => {
    const told = deferred<unknown>();
    await findingsOf(
      (_req, res) => {
        fs.existsSync('/');
        setTimeout(() => res.end(), 5);
      },
      {
        onFinding() {
          void import('../../../src/middleware/request-context/index.js').then(({ currentRequest }) =>
            told.resolve(currentRequest()),
          );
        },
      },
    );
    expect(await told.promise).toBeUndefined();
  });

  it('watches only the groups of `apis`, and only calls of `minMs`', async () => {
    const handler: RequestHandler = (_req, res) => {
      fs.existsSync('/');
      zlib.gzipSync('a');
      res.end();
    };
    expect((await findingsOf(handler, { apis: ['zlib'] })).findings).toMatchObject([
      { api: 'zlib.gzipSync' },
    ]);
    expect((await findingsOf(handler, { minMs: 10_000 })).findings).toEqual([]);
  });

  it('counts where the stack cannot be read, and does not change the settings of Error', async () => {
    const { status, findings } = await findingsOf((_req, res) => {
      const { prepareStackTrace, stackTraceLimit } = Error;
      Error.prepareStackTrace = () => {
        throw new Error('hostile');
      };
      Error.stackTraceLimit = 0;
      fs.existsSync('/');
      const untouched = Error.stackTraceLimit === 0;
      Error.prepareStackTrace = prepareStackTrace;
      Error.stackTraceLimit = stackTraceLimit;
      res.status(untouched ? 200 : 500).end();
    });
    expect(status).toBe(200);
    expect(findings).toMatchObject([{ api: 'fs.existsSync', count: 1 }]);
  });
});

describe('detectSyncIo and the builtins', () => {
  const modules = { fs, childProcess, crypto, zlib } as unknown as Record<string, Record<string, unknown>>;
  const snapshot = () =>
    Object.entries(modules).flatMap(([name, exports]) =>
      Object.keys(exports)
        .filter((key) => key.endsWith('Sync'))
        .map((key) => [`${name}.${key}`, exports[key]] as const),
    );

  it('preserves name, length and own properties, `realpathSync.native` among them', () => {
    const { native } = fs.realpathSync;
    const custom = Object.assign(fs.accessSync, { [util.promisify.custom]: () => 'custom' });
    const before = snapshot().map(([name, fn]) => [
      name,
      (fn as typeof native)?.name,
      (fn as typeof native)?.length,
    ]);
    const detector = detect();
    expect(
      snapshot().map(([name, fn]) => [name, (fn as typeof native)?.name, (fn as typeof native)?.length]),
    ).toEqual(before);
    expect(fs.accessSync).not.toBe(custom);
    expect((fs.accessSync as typeof custom)[util.promisify.custom]()).toBe('custom');
    expect(fs.realpathSync.native).not.toBe(native);
    expect(fs.realpathSync.native('/')).toBe('/');
    detector.uninstall();
    expect(fs.realpathSync.native).toBe(native);
    delete (custom as Partial<typeof custom>)[util.promisify.custom];
  });

  it('skips an export that is not writable, without a throw', () => {
    const fixed = () => {};
    Object.defineProperty(zlib, 'fixedSync', { value: fixed, enumerable: true, configurable: true });
    try {
      detect();
      expect((zlib as unknown as { fixedSync: unknown }).fixedSync).toBe(fixed);
    } finally {
      delete (zlib as unknown as { fixedSync?: unknown }).fixedSync;
    }
  });

  it('restores every function when the last detector is uninstalled', () => {
    const before = snapshot();
    const update = crypto.Hash.prototype.update;
    const log = console.log;
    const first = detect();
    const patched = fs.readFileSync;
    expect(patched).not.toBe(before.find(([name]) => name === 'fs.readFileSync')?.[1]);
    const second = detect({ apis: ['fs'] });
    expect(fs.readFileSync).toBe(patched);
    first.uninstall();
    first.uninstall();
    expect(fs.readFileSync).toBe(patched);
    expect(zlib.gzipSync).toBe(before.find(([name]) => name === 'zlib.gzipSync')?.[1]);
    second.uninstall();
    for (const [name, fn] of snapshot())
      expect([name, fn === before.find(([n]) => n === name)?.[1]]).toEqual([name, true]);
    expect([crypto.Hash.prototype.update, console.log]).toEqual([update, log]);
  });

  it('does not remove a patch on top of it, and passes calls on', () => {
    const original = fs.existsSync;
    const detector = detect();
    const watched = fs.existsSync;
    const theirs = (file: fs.PathLike) => watched(file);
    fs.existsSync = theirs;
    detector.uninstall();
    expect(fs.existsSync).toBe(theirs);
    expect(fs.existsSync('/')).toBe(true);
    fs.existsSync = original;
  });

  it('reports nothing after it was uninstalled', async () => {
    const detector = detect();
    const [, express] = expressVersions[1] as (typeof expressVersions)[number];
    const app = express();
    app.use(detector, detect());
    app.get('/', (_req, res) => void res.send(String(fs.existsSync('/'))));
    const { url } = await serve(app);
    detector.uninstall();
    await get(url);
    expect(detector.findings()).toEqual([]);
  });
});

describe.each(expressVersions)('the warnings of detectSyncIo on %s', (name, express) => {
  let timeouts: ReturnType<typeof fakeTimeouts>;
  beforeEach(() => {
    timeouts = fakeTimeouts();
  });
  afterEach(() => {
    timeouts.stop();
    jest.restoreAllMocks();
  });

  it('include a summary when a line is called again, and none before', async () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const warnings = () => emitWarning.mock.calls.map(([message]) => String(message));
    const app = express();
    // a line is warned of once in a process
    const exists = vm.runInThisContext("(fs) => fs.existsSync('/')", { filename: `summary on ${name}.cjs` });
    app.use(detect({ onFinding: undefined }));
    app.get('/', (_req, res) => void res.send(String(exists(fs))));
    const { url } = await serve(app);

    await get(url);
    await timers.setImmediate();
    timeouts.pass(20_000);
    expect(warnings()).toEqual([expect.stringMatching(/^fs\.existsSync at .*1 call,/)]);

    await get(url);
    await get(url);
    timeouts.pass(20_000);
    const summary =
      /^Synchronous calls in requests so far: 3, .* 1 findings\..*\n {2}fs\.existsSync .*3 calls,/;
    expect(warnings().slice(1)).toEqual([expect.stringMatching(summary)]);
  });
});

describe('detectSyncIo options', () => {
  const nodeEnv = process.env.NODE_ENV;
  afterEach(() => {
    process.env.NODE_ENV = nodeEnv;
  });

  it.each(['production', 'prod'])('is off when NODE_ENV is %s', async (value) => {
    process.env.NODE_ENV = value;
    const original = fs.readFileSync;
    const detector = detect();
    expect(fs.readFileSync).toBe(original);
    expect(detector.startLine).toMatch(/not watched/);
    const next = jest.fn();
    detector({} as never, {} as never, next);
    expect(next).toHaveBeenCalledWith();
    expect([detector.findings(), detector.blockedLoops()]).toEqual([[], []]);
    detector.uninstall();
  });

  it('is on in production when it is enabled explicitly', () => {
    process.env.NODE_ENV = 'production';
    const original = fs.readFileSync;
    detect({ enabled: true });
    expect(fs.readFileSync).not.toBe(original);
  });

  it('treats explicit undefined as omitted', () => {
    expect(
      detect({ enabled: undefined, apis: undefined, minMs: undefined, blockedLoopMs: undefined }).name,
    ).toBe('detectSyncIoMiddleware');
    expect(detect()).toHaveLength(3);
  });

  it.each([
    [{ apis: 'fs' }, /`apis` to be an array of 'fs', 'child_process'.*got 'fs'/],
    [{ apis: ['fs', 'net'] }, /`apis`/],
    [{ minMs: Number.NaN }, /`minMs` to be a number of milliseconds, got NaN/],
    [{ blockedLoopMs: 1 }, /`blockedLoopMs` to be one of 0 or a whole number of milliseconds, 10 or more/],
    [{ ignore: /x/ }, /`ignore` to be a function/],
    [{ onfinding() {} }, /Did you mean `onFinding`\?/],
  ])('refuses %j before it replaces anything', (options, message) => {
    const original = fs.readFileSync;
    expect(() => detectSyncIo(options as never)).toThrow(message);
    expect(fs.readFileSync).toBe(original);
  });
});
