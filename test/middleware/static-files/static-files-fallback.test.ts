import fs from 'node:fs';
import compressionPackage from 'compression';
import type { Application, RequestHandler } from 'express';
import { compression, productionize, type StaticFilesOptions, staticFiles } from '../../../src/index.js';
import { isNavigation } from '../../../src/middleware/static-files/spa-fallback.js';
import { processWide } from '../../../src/support/process-wide.js';
import { warningsKey } from '../../../src/support/symbols.js';
import { Connection } from '../../helpers/connection.js';
import { accept, decoded, prose } from '../../helpers/encoding.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';
import { makeSite, openBelow, removeSites, until, watchFs } from '../../helpers/site.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
  removeSites();
});

/** What browsers send when they go to a page. */
const navigation = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
};

describe.each(expressVersions)('the fallback on %s', (_name, express) => {
  async function serveApp(options?: StaticFilesOptions, files: Record<string, string> = {}) {
    const site = makeSite({ 'index.html': 'the app', 'app.js': 'script', ...files });
    const app = express();
    app.use(staticFiles(site.root, { fallback: 'index.html', ...options }));
    app.use((_req, res) => void res.status(404).send('nothing'));
    return { ...site, ...(await serve(app)) };
  }

  it.each([
    ['/users/1', navigation],
    ['/', navigation],
    ['/deep/er/path/', navigation],
    ['/users/1?next=/a.js', navigation],
    ['/users.d/1', navigation],
    ['/apiary', navigation],
    ['/users/1', { accept: 'text/html' }],
    ['/users/1', { accept: 'TEXT/HTML;q=0.1' }],
    ['/users/1', { ...navigation, 'sec-fetch-dest': 'iframe' }],
  ])('a navigation to %s with %j gets the page', async (path, headers) => {
    const { url } = await serveApp();
    for (let i = 0; i < 2; i++) {
      const answer = await get(url + path, { headers });
      expect([answer.status, answer.text]).toEqual([200, 'the app']);
      expect(answer.headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
      });
      if (path !== '/') expect(answer.headers.vary).toMatch(/\bAccept\b, *Sec-Fetch-Dest/);
    }
    const head = await get(url + path, { headers, method: 'HEAD' });
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', '7']);
  });

  it.each([
    ['a missing script', '/assets/gone-BfX3a9Qz.js', navigation],
    ['a missing picture', '/logo.png', { accept: 'image/avif,image/webp,*/*' }],
    ['a dot in the last segment', '/users/john.doe', navigation],
    ['a script tag', '/users/1', { ...navigation, 'sec-fetch-dest': 'script' }],
    ['a fetch', '/users/1', { ...navigation, 'sec-fetch-dest': 'empty' }],
    ['an import', '/users/1', { accept: '*/*' }],
    ['a client that wants JSON', '/users/1', { accept: 'application/json' }],
    ['a client that refuses HTML', '/users/1', { accept: 'text/html;q=0, */*' }],
    ['a client without Accept', '/users/1', {}],
    ['an API path', '/api', navigation],
    ['an API path', '/api/users', navigation],
    ['an API path', '/API/users', navigation],
    ['an API path', '/graphql', navigation],
    ['an API path', '/socket.io/', navigation],
    ['a dotfile', '/.env', navigation],
    ['traversal', '/%2e%2e/users', navigation],
  ])('%s (%s) does not', async (_what, path, headers) => {
    const { url } = await serveApp();
    for (const method of ['GET', 'HEAD']) {
      const answer = await get(url, { path, headers: headers as Record<string, string>, method });
      expect([method, answer.status]).toEqual([method, 404]);
      for (const name of ['last-modified', 'vary']) expect(answer.headers).not.toHaveProperty(name);
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('nor does %s', async (method) => {
    const { url } = await serveApp();
    expect((await get(`${url}/users/1`, { method, headers: navigation })).status).toBe(404);
  });

  it('nor paths the app names, also below a mount path', async () => {
    const site = makeSite({ 'index.html': 'the app' });
    const app = express();
    app.use(
      '/shop',
      staticFiles(site.root, { fallback: 'index.html', fallbackExcept: ['/rest/', 'shop/feed'] }),
    );
    const { url } = await serve(app);
    const status = async (path: string) => (await get(url + path, { headers: navigation })).status;
    expect(await status('/shop/rest/x')).toBe(404);
    expect(await status('/shop/feed/x')).toBe(404);
    expect(await status('/shop/api')).toBe(200);
    expect(await status('/shop/resting')).toBe(200);
  });

  it('after the routes of the app it responds only where they do not', async () => {
    const site = makeSite({ 'index.html': 'the app' });
    const app = productionize(express(), quiet());
    app.get('/login', (_req, res) => void res.send('login'));
    app.use(staticFiles(site.root, { fallback: 'index.html' }));
    const { url } = await serve(app);
    expect((await get(`${url}/login`, { headers: navigation })).text).toBe('login');
    expect((await get(`${url}/other`, { headers: navigation })).text).toBe('the app');
    expect((await get(`${url}/other.js`, { headers: navigation })).status).toBe(404);
  });

  it('an abort during the fallback causes no crash, and closes the file', async () => {
    const { url, port, root, at } = await serveApp();
    fs.truncateSync(at('index.html'), 64 * 1024 * 1024);
    const head = 'Accept: text/html\r\n';
    for (let i = 0; i < 20; i++) {
      const connection = await Connection.open(port);
      await connection.request(`/page/${i}`, head);
      if (i % 2) await connection.has(/^HTTP\/1\.1 200/);
      connection.destroy();
    }
    fs.truncateSync(at('index.html'), 7);
    expect((await get(`${url}/users`, { headers: navigation })).text).toBe('the app');
    await until(() => openBelow(root) === 0);
  });

  it('a missing page is a 404, and the directory of the same name is no page', async () => {
    const { url } = await serveApp({ fallback: 'spa/app' }, { 'spa/app/index.html': 'x' });
    expect((await get(`${url}/users`, { headers: navigation })).status).toBe(404);
  });

  it('needs no call of fs when it is cached', async () => {
    const { url } = await serveApp({ revalidateMs: 60_000 });
    const ask = async () => (await get(`${url}/users/1`, { headers: navigation })).text;
    await ask();
    const calls = watchFs();
    expect(await ask()).toBe('the app');
    expect(calls).toEqual([]);
  });
});

describe.each(expressVersions)('the order of static files and compression on %s', (_name, express) => {
  let root: string;
  beforeEach(() => {
    root = makeSite({ 'a.js': prose }).root;
  });

  /** The warnings of an app, and its address. */
  async function boot(use: (app: Application) => void) {
    processWide(warningsKey, () => new Set<string>()).clear();
    const seen: string[] = [];
    jest.spyOn(process, 'emitWarning').mockImplementation((message) => void seen.push(String(message)));
    const app = express();
    productionize(app, quiet());
    use(app);
    const { url } = await serve(app);
    return { seen, url };
  }

  const statics: [string, () => RequestHandler][] = [
    ['express.static', () => express.static(root)],
    ['staticFiles', () => staticFiles(root) as RequestHandler],
  ];
  const compressions: [string, () => RequestHandler][] = [
    ['the compression package', () => compressionPackage()],
    ['compression of ours', () => compression() as unknown as RequestHandler],
  ];
  const pairs = statics.flatMap(([one, files]) =>
    compressions.map(([two, encoder]) => [one, two, files, encoder] as const),
  );

  it.each(pairs)(
    '%s before %s is compressed once, also below a path and in a router',
    async (_one, _two, files, encoder) => {
      const uses: ((app: Application) => void)[] = [
        (app) => app.use('/assets', files()).use(encoder()),
        (app) => app.use(express.Router().use('/assets', files())).use(encoder()),
        (app) => app.use(encoder()).use('/assets', files()),
        (app) => app.use('/assets', files()).use('/api', encoder()),
      ];
      for (const use of uses) {
        const { seen, url } = await boot(use);
        const answer = await get(`${url}/assets/a.js`, accept('gzip'));
        expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
        expect(decoded(answer)).toBe(prose);
        expect(seen).toEqual([]);
      }
    },
  );

  it('the compression of productionize runs first, wherever files are mounted', async () => {
    const site = makeSite({ 'a.js': prose });
    const app = express();
    app.use(staticFiles(site.root));
    productionize(app, quiet());
    const answer = await get(`${(await serve(app)).url}/a.js`, accept('gzip'));
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(decoded(answer)).toBe(prose);
  });
});

describe('isNavigation', () => {
  const parts = ['', '/', '.', 'a', 'a.b', '/.', './', '//', '\n'];
  const paths = parts.flatMap((a) => parts.flatMap((b) => parts.map((c) => `/${a}${b}${c}`)));

  it('uses a dot after the last slash', () => {
    for (const path of [...paths, `/${'a.'.repeat(7500)}`, `/${'a.'.repeat(7500)}a/`]) {
      const last = path.split('/').at(-1) as string;
      expect([path, isNavigation({ accept: 'text/html' }, [path], [])]).toEqual([path, !last.includes('.')]);
    }
  });

  it('runs no expression over the path', () => {
    const path = `/${'a.'.repeat(7500)}a/`;
    const ran: unknown[] = [];
    const exec = RegExp.prototype.exec;
    jest.spyOn(RegExp.prototype, 'exec').mockImplementation(function (this: RegExp, text) {
      ran.push(text);
      return exec.call(this, text);
    });
    isNavigation({ accept: 'text/html' }, [path], ['/api']);
    expect(ran).not.toContain(path);
  });
});
