import { AssertionError } from 'node:assert';
import fs from 'node:fs';
import { detectSyncIo, ProductionizeError, requestContext } from '../../src/index.js';
import { expectNoSyncIo } from '../../src/testing/index.js';
import { expressVersions } from '../helpers/express-versions.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(closeAll);

describe.each(expressVersions)('expectNoSyncIo on %s', (_name, express) => {
  function app(first = requestContext()) {
    const app = express();
    app.use(first);
    app.get('/sync', (_req, res) => void res.send(String(fs.existsSync('/'))));
    app.get(
      '/async',
      async (_req, res) => void res.send(String((await fs.promises.stat('/')).isDirectory())),
    );
    return app;
  }

  it('fails with the findings when a request was synchronous', async () => {
    const { url } = await serve(app());
    const failure = await expectNoSyncIo(() => get(`${url}/sync`)).catch((error) => error);
    expect(failure).toBeInstanceOf(AssertionError);
    expect(failure.message).toMatch(
      /no synchronous call .*, got 1:\n {2}fs\.existsSync at .*expect-no-sync-io\.test\.ts:\d+:\d+ in GET \/sync: 1 call/,
    );
    expect(failure.actual).toMatchObject([{ api: 'fs.existsSync', route: '/sync' }]);
  });

  it('returns the result of the function when no request was', async () => {
    const { url } = await serve(app());
    expect((await expectNoSyncIo(() => get(`${url}/async`))).text).toBe('true');
  });

  it('does not report synchronous calls of the test itself', async () => {
    const { url } = await serve(app());
    await expectNoSyncIo(async () => {
      fs.existsSync('/');
      await get(`${url}/async`);
    });
  });

  it('does not report modules that the test runner loads during a request', async () => {
    const lazy = express();
    lazy.use(requestContext());
    lazy.get('/', (_req, res) => void res.send(require('../../package.json').name));
    const { url } = await serve(lazy);
    expect((await expectNoSyncIo(() => get(url))).text).toBe('express-productionize');
  });

  it.each(['test', 'production'])('works when NODE_ENV is %s, with the detector on or off', async (value) => {
    const { NODE_ENV } = process.env;
    process.env.NODE_ENV = value;
    const detector = detectSyncIo({ enabled: true, onFinding() {} });
    process.env.NODE_ENV = NODE_ENV;
    const { url } = await serve(app(detector));
    await expect(expectNoSyncIo(() => get(`${url}/sync`))).rejects.toThrow(AssertionError);
    detector.uninstall();
  });

  it('supports `ignore`, `apis` and `minMs`', async () => {
    const { url } = await serve(app());
    const sync = () => get(`${url}/sync`);
    await expectNoSyncIo(sync, { ignore: ({ api }) => api === 'fs.existsSync' });
    await expectNoSyncIo(sync, { apis: ['zlib'] });
    await expectNoSyncIo(sync, { minMs: 10_000 });
    await expect(expectNoSyncIo(sync, { apis: ['fs'] })).rejects.toThrow(AssertionError);
  });

  it('restores the functions, whether it passes, fails or the function throws', async () => {
    const original = fs.existsSync;
    const { url } = await serve(app());
    await expectNoSyncIo(() => get(`${url}/async`));
    expect(fs.existsSync).toBe(original);
    await expect(expectNoSyncIo(() => get(`${url}/sync`))).rejects.toThrow();
    expect(fs.existsSync).toBe(original);
    const theirs = new Error('theirs');
    await expect(expectNoSyncIo(() => Promise.reject(theirs))).rejects.toBe(theirs);
    expect(fs.existsSync).toBe(original);
  });

  it('fails when there was no request, or only requests that it cannot distinguish', async () => {
    await expect(expectNoSyncIo(() => {})).rejects.toThrow(/got no request/);
    const bare = express();
    bare.get('/', (_req, res) => void res.send(String(fs.existsSync('/'))));
    const { url } = await serve(bare);
    const failure = expectNoSyncIo(() => get(url));
    await expect(failure).rejects.toThrow(ProductionizeError);
    await expect(failure).rejects.toThrow(/got 1 to an app without/);
  });
});
