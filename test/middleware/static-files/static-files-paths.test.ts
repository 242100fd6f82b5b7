import fs from 'node:fs';
import path from 'node:path';
import { staticFiles } from '../../../src/index.js';
import { hasContentHash } from '../../../src/middleware/static-files/content-hash.js';
import { servablePath } from '../../../src/middleware/static-files/request-path.js';
import { pathOf } from '../../../src/support/url-path.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { itNeeds } from '../../helpers/needs.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';
import { makeSite, removeSites, watchFs } from '../../helpers/site.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
  removeSites();
});

const secret = 'TOP SECRET';

/** Paths that name no file, whatever is there; sent as they are, since a client would normalise them. */
const hostile = [
  '/../secret.txt',
  '/sub/../../secret.txt',
  '/sub/../a.js',
  '/./a.js',
  '/..',
  '/sub/..',
  '/..%2fsecret.txt',
  '/%2e%2e/secret.txt',
  '/%2E%2E%2Fsecret.txt',
  '/.%2e/secret.txt',
  '/sub%2f..%2f..%2fsecret.txt',
  '/%252e%252e/secret.txt',
  '/%252e%252e%252fsecret.txt',
  '/%25252e%25252e/secret.txt',
  '/%c0%ae%c0%ae/secret.txt',
  '/%c0%af..%c0%afsecret.txt',
  '/%uff0e%uff0e/secret.txt',
  '/..\\secret.txt',
  '/..%5csecret.txt',
  '/\\..\\secret.txt',
  '/%5c%5chost%5cshare',
  '/..%255csecret.txt',
  '/a.js%00',
  '/a.js%00.png',
  '/%00/a.js',
  '/a.js%2500',
  '/a%0d%0ab.js',
  '/a%7f.js',
  '/.env',
  '/.git/config',
  '/sub/.htpasswd',
  '/%2eenv',
  '/.',
  '/a.js.',
  '/a.js%20',
  '/a.js...',
  '/sub./a.js',
  '/a.js::$DATA',
  '/a.js:stream',
  '/C:/windows/win.ini',
  '/c%3a/windows/win.ini',
  '/con',
  '/CON.txt',
  '/sub/nul.js',
  '/aux.tar.gz',
  '/prn/',
  '/COM1',
  '/lpt9.txt',
  '/com%C2%B9',
  '/CONIN$',
  '/%61.js',
  '/%73ub/b.js',
  '/sub%2fb.js',
  '//a.js',
  '/sub//b.js',
  '//evil.test/..',
  '/%2f/evil.test/%2e%2e',
  '/%',
  '/%zz',
  '/%e0%a4%a',
  '/\x80',
];

describe.each(expressVersions)('paths on %s', (_name, express) => {
  it.each(hostile)('%j is a 404, and no call of fs', async (path) => {
    const site = makeSite({
      'a.js': 'file',
      'sub/b.js': 'file',
      '.env': secret,
      '.git/config': secret,
      'sub/.htpasswd': secret,
      con: 'device',
      '../secret.txt': secret,
    });
    const app = express();
    app.use(staticFiles(site.root, { fallback: 'a.js' }));
    const { port } = await serve(app);
    const calls = watchFs();
    const lines = ['Host: app.test', 'Accept: text/html', 'Connection: close'].join('\r\n');
    const answer = await raw(port, `GET ${path} HTTP/1.1\r\n${lines}\r\n\r\n`);
    // Node's own parser refuses what is no text
    expect(answer).toMatch(path === '/\x80' ? /^HTTP\/1\.1 40[04] / : /^HTTP\/1\.1 404 /);
    expect(answer).not.toMatch(/TOP SECRET|^file|^Location/m);
    if (path !== '/\x80') expect(calls).toEqual([]);
  });

  it.each(['GET /../secret.txt', 'GET /%2e%2e/secret.txt', 'GET //evil.test/sub'])(
    '%s below a mount path is a 404, too',
    async (line) => {
      const site = makeSite({ 'sub/index.html': 'x', '../secret.txt': secret });
      const app = express();
      app.use('/files', staticFiles(site.root));
      const { port } = await serve(app);
      const target = line.replace('GET ', 'GET /files');
      const answer = await raw(port, `${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    },
  );

  it('another spelling of a protected path does not bypass the protection', async () => {
    const site = makeSite({ 'private/key.txt': secret, 'open.txt': 'open' });
    const app = express();
    app.use('/private', (_req, res) => void res.status(401).end());
    app.use(staticFiles(site.root));
    const { port, url } = await serve(app);
    const paths = [
      '/private/key.txt',
      '//private/key.txt',
      '/%70rivate/key.txt',
      '/private%2fkey.txt',
      '/./private/key.txt',
      '/x/../private/key.txt',
      '/private\\key.txt',
      'http://a.test//private/key.txt',
    ];
    for (const path of paths) {
      const answer = await raw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect([path, answer.slice(9, 12)]).toEqual([path, expect.stringMatching(/40[14]/)]);
      expect(answer).not.toContain(secret);
    }
    expect((await get(`${url}/open.txt`)).text).toBe('open');
  });

  it('links in the root are followed, links out of it and to dotfiles are not', async () => {
    const site = makeSite({
      'a.js': 'file',
      '.env': secret,
      '../secret.txt': secret,
      '../more/b.js': secret,
    });
    fs.symlinkSync(site.at('a.js'), site.at('inside.js'));
    fs.symlinkSync('../secret.txt', site.at('outside.txt'));
    fs.symlinkSync('../more', site.at('more'));
    fs.symlinkSync('.env', site.at('env.txt'));
    fs.symlinkSync('/etc/hostname', site.at('hostname'));
    fs.symlinkSync('loop', site.at('loop'));
    fs.symlinkSync('nowhere', site.at('broken'));
    // a neighbour whose name begins with that of the root
    fs.mkdirSync(`${site.root}-private`);
    fs.writeFileSync(`${site.root}-private/c.js`, secret);
    fs.symlinkSync(`${site.root}-private/c.js`, site.at('neighbour.js'));
    const app = express();
    app.use('/strict', staticFiles(site.root));
    app.use('/loose', staticFiles(site.root, { followSymlinks: true }));
    const { url } = await serve(app);
    expect((await get(`${url}/strict/inside.js`)).text).toBe('file');
    for (const name of [
      'outside.txt',
      'more/b.js',
      'env.txt',
      'hostname',
      'loop',
      'broken',
      'neighbour.js',
    ]) {
      const { status, text } = await get(`${url}/strict/${name}`);
      expect([name, status]).toEqual([name, 404]);
      expect(text).not.toContain(secret);
    }
    expect((await get(`${url}/loose/more/b.js`)).text).toBe(secret);
  });

  it('a link that is changed to a target outside the root is not followed', async () => {
    const site = makeSite({ 'a.js': 'file', '../secret.txt': secret });
    fs.symlinkSync('a.js', site.at('link.js'));
    const app = express();
    app.use(staticFiles(site.root));
    const { url } = await serve(app);
    expect((await get(`${url}/link.js`)).text).toBe('file');
    fs.rmSync(site.at('link.js'));
    fs.symlinkSync('../secret.txt', site.at('link.js'));
    expect((await get(`${url}/link.js`)).status).toBe(404);
  });

  it('follows a root that is a link, also after it was changed to another release', async () => {
    const site = makeSite({ '1/a.js': 'one', '2/a.js': 'two' });
    fs.symlinkSync('1', site.at('current'));
    const app = express();
    app.use(staticFiles(site.at('current')));
    const { url } = await serve(app);
    expect((await get(`${url}/a.js`)).text).toBe('one');
    fs.symlinkSync('2', site.at('next'));
    fs.renameSync(site.at('next'), site.at('current'));
    expect((await get(`${url}/a.js`)).text).toBe('two');
  });

  it('serves dotfiles that are named, and no others', async () => {
    const site = makeSite({
      '.well-known/security.txt': 'Contact:',
      '.well-known/.key': secret,
      '.env': secret,
    });
    const app = express();
    app.use(staticFiles(site.root, { dotfiles: ['.well-known'] }));
    const { url } = await serve(app);
    expect((await get(`${url}/.well-known/security.txt`)).text).toBe('Contact:');
    for (const path of ['/.well-known/.key', '/.env', '/.well-known2']) {
      expect((await get(url + path)).status).toBe(404);
    }
  });

  it('serves names with spaces, signs and letters of any language', async () => {
    const names = [
      'a b.js',
      'ü-ß.css',
      '日本.txt',
      '100%.txt',
      "it's (1).js",
      'a+b&c=d.js',
      'a~1.js',
      'q?.txt',
      'h#.txt',
    ];
    const site = makeSite(Object.fromEntries(names.map((name) => [name, name])));
    const app = express();
    app.use(staticFiles(site.root));
    const { url } = await serve(app);
    for (const name of names) expect((await get(`${url}/${encodeURIComponent(name)}`)).text).toBe(name);
  });

  itNeeds('mkfifo')('does not wait for a pipe, nor send a socket or a device', async () => {
    const site = makeSite();
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [site.at('pipe.js')]);
    fs.symlinkSync('/dev/zero', site.at('zero.js'));
    const app = express();
    app.use(staticFiles(site.root, { followSymlinks: true }));
    const { url } = await serve(app);
    for (const path of ['/pipe.js', '/zero.js']) expect((await get(url + path)).status).toBe(404);
  });
});

describe('any path', () => {
  const pieces = [
    ...[
      '..',
      '.',
      '/',
      '//',
      '\\',
      'a.js',
      'sub',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '%00',
      '%25',
      '2e',
      '%c0%ae',
      ':',
      '%3a',
    ],
    ...[
      'con',
      'nul.',
      '.env',
      ' ',
      '%20',
      '~1',
      '%',
      'é',
      '%C3%A9',
      ';',
      '?',
      '#',
      '\n',
      '%0a',
      '%ff',
      'http://b.test',
    ],
  ];

  it('that may be looked at is below the root, in one spelling, and hidden nowhere', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    let served = 0;
    for (let i = 0; i < 100_000; i++) {
      const length = 1 + random(7);
      const target = `/${Array.from({ length }, () => pieces[random(pieces.length)]).join('')}`;
      const found = servablePath(pathOf(target), []);
      if (found === undefined) continue;
      served += 1;
      expect([target, path.posix.normalize(found)]).toEqual([target, found]);
      expect([target, path.win32.normalize(`C:\\r${found}`)]).toEqual([
        target,
        `C:\\r${found.replaceAll('/', '\\')}`,
      ]);
      expect([target, found]).toEqual([
        target,
        expect.not.stringMatching(/\/\.|[\0\n\\:]|[. ](?:\/|$)|%2e|%2f/i),
      ]);
    }
    // it is not that nothing is let through
    expect(served).toBeGreaterThan(1000);
  });
});

describe('content hashes', () => {
  it.each([
    '/assets/index-BfX3a9Qz.js',
    '/assets/vendor-Dx-7_kQ2.js',
    '/assets/logo-C4GYsn4o.svg',
    '/assets/inter-latin-C7oQdmHS.woff2',
    '/assets/index-4f2a9b1c.js',
    '/main.0a1b2c3d4e5f6a7b8c9d.js',
    '/static/js/main.8e1a2f3b.chunk.js',
    '/static/js/main.8e1a2f3b.js.map',
    '/static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6'.slice(0, 39).concat('.svg'),
    '/_next/static/chunks/4bd1b696-100b9d70ed4e49c1.js',
    '/chunk-5DCQBJGJ.js',
    '/app-X4DCQB5J.js',
    '/index.0c1e1a1b.js',
    '/_nuxt/entry.BfX3a9Qz.js',
    '/main.8e1a2f3b.min.css',
  ])('%s has one', (path) => expect(hasContentHash(path)).toBe(true));

  it.each([
    '/jquery-3.7.1.min.js',
    '/my-component.js',
    '/jquery-validate.js',
    '/app-settings.js',
    '/app-Settings.js',
    '/assets/app-Settings.js',
    '/assets/OpenSans-SemiBold.woff2',
    '/assets/font-OpenSans.woff2',
    '/report-20240101.json',
    '/backup-1700000000000.json',
    '/photo-12345678.jpg',
    '/chart.20241231.svg',
    '/release-v1_2_3_4.js',
    '/BfX3a9Qz.js',
    '/0a1b2c3d.js',
    '/avatars/507f1f77bcf86cd799439011.png',
    '/avatars/user-507f1f77bcf86cd799439011.png',
    '/avatars/550e8400-e29b-41d4-a716-446655440000.png',
    '/avatars/550e8400-e29b-41d4-a716-4466554400ab.png',
    '/index-BfX3a9Qz.html',
    '/terms-BfX3a9Qz.pdf',
    '/app.js',
    '/polyfills.min.js',
    '/mockup-Chapter1.png',
    '/icon-WINDOWS7.png',
    '/logo.deadbeef.svg',
    '/locale-en-US.json',
    '/lodash.debounce.js',
    '/react-dom.production.min.js',
    '/bootstrap-5.3.0.bundle.min.js',
    '/fa-solid-900.woff2',
    // a hash indeed, that looks like two words: revalidated, which is always right
    '/assets/index-DiwrgTda.css',
    '/bfx3a9qz-/a.js',
    '/',
    '',
  ])('%s has none', (path) => expect(hasContentHash(path)).toBe(false));

  it('detects most hashes in the directories of bundlers, and rejects a malicious name immediately', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
    let seed = 1;
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return alphabet[seed % alphabet.length];
    };
    const names = Array.from(
      { length: 2000 },
      () => `/assets/a-${Array.from({ length: 8 }, random).join('')}.js`,
    );
    expect(names.filter(hasContentHash).length).toBeGreaterThan(1800);
    const start = performance.now();
    hasContentHash(`/${'a-'.repeat(100_000)}`);
    hasContentHash(`/${'.min'.repeat(50_000)}.js`);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
