import { execFile as execFileWithCallback } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Call, Reply } from '../helpers/compare.js';
import { installed } from '../helpers/installed.js';
import { killAll } from '../helpers/program.js';
import { closeClients, compare, start, startWays } from '../helpers/real-app.js';

const execFile = promisify(execFileWithCallback);

afterEach(() => {
  closeClients();
  killAll();
});

const json = { 'content-type': 'application/json' };
const post = (path: string, body: unknown): Call => ({
  method: 'POST',
  path,
  headers: json,
  body: JSON.stringify(body),
});
const etagOf = (at: number) => (replies: readonly Reply[]) => ({
  'if-none-match': replies.at(at)?.headers.get('etag'),
});

const jsonServerCalls: Call[] = [
  { path: '/' },
  { path: '/', headers: { 'accept-encoding': 'gzip' } },
  { path: '/', headers: { 'accept-encoding': 'gzip' }, follow: etagOf(-1) },
  { path: '/style.css', headers: { range: 'bytes=0-9' } },
  { path: '/style.css', headers: { range: 'bytes=0-9', 'accept-encoding': 'gzip' } },
  { path: '/style.css', headers: { range: 'bytes=90000-' } },
  { path: '/style.css', method: 'HEAD', headers: { 'accept-encoding': 'gzip' } },
  { path: '/favicon.ico' },
  ...['gzip', 'br', 'deflate', 'br;q=0.1, gzip', 'identity', '*', 'gzip;q=0', 'nonsense'].map((encoding) => ({
    path: '/people',
    headers: { 'accept-encoding': encoding },
  })),
  { path: '/people' },
  { path: '/people', follow: etagOf(-1) },
  { path: '/people', headers: { 'accept-encoding': 'gzip' } },
  { path: '/people', headers: { 'accept-encoding': 'gzip' }, follow: etagOf(-1) },
  { path: '/people?age=21' },
  { path: '/people?age_gte=22&name_like=1' },
  { path: '/people?_page=2&_limit=7' },
  { path: '/people?_sort=age&_order=desc&_limit=3' },
  { path: '/people?_start=5&_end=9' },
  { path: '/people?q=Person%201' },
  { path: '/people?id=1&id=2&__proto__[x]=1' },
  { path: '/posts?_expand=person&_limit=2' },
  { path: '/people/1?_embed=posts' },
  { path: '/people/1/posts' },
  { path: '/people/999' },
  { path: '/nothing/here' },
  { path: '/api/people/3' },
  { path: '/person/4' },
  { path: '/profile' },
  { path: '/db' },
  { path: '/echo?a=1&a=2&b[c]=3' },
  { path: '/echo?callback=go' },
  { path: '/%E0%A4%A' },
  { path: '/people/%ff' },
  { path: '/..%2f..%2fetc/passwd' },
  { path: '//people' },
  { path: '/people/', method: 'HEAD' },
  {
    path: '/people',
    method: 'OPTIONS',
    headers: { origin: 'http://a.test', 'access-control-request-method': 'PUT' },
  },
  { path: '/people', method: 'OPTIONS' },
  { path: '/people', headers: { origin: 'http://a.test' } },
  post('/people', { name: 'New', age: 1 }),
  post('/people/1/posts', { title: 'nested' }),
  post('/people', { name: 'big', text: 'x'.repeat(300_000) }),
  { path: '/people/62', headers: { 'accept-encoding': 'gzip' } },
  { method: 'POST', path: '/people', headers: json, body: '{"name": "broken' },
  { method: 'POST', path: '/people', headers: json, body: '[1]' },
  { method: 'POST', path: '/people', headers: json, body: '' },
  { method: 'POST', path: '/people', headers: { 'content-type': 'application/json; charset=x' }, body: '{}' },
  { method: 'POST', path: '/people', headers: { ...json, 'content-encoding': 'nope' }, body: '{}' },
  { method: 'POST', path: '/people', headers: { 'content-type': 'text/plain' }, body: 'text' },
  {
    method: 'POST',
    path: '/people',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'name=F&age=2',
  },
  { method: 'POST', path: '/people', headers: json, body: `{"a":"${'x'.repeat(11 * 1024 * 1024)}"}` },
  { method: 'PUT', path: '/people/2', headers: json, body: '{"name":"Put"}' },
  { method: 'PATCH', path: '/people/2', headers: json, body: '{"age":99}' },
  {
    method: 'POST',
    path: '/people/2',
    headers: { ...json, 'x-http-method-override': 'PATCH' },
    body: '{"age":98}',
  },
  { method: 'PUT', path: '/people/999', headers: json, body: '{}' },
  { method: 'DELETE', path: '/people/3' },
  { method: 'DELETE', path: '/people/3' },
  { method: 'DELETE', path: '/people' },
  { method: 'PROPFIND', path: '/people' },
  { method: 'PURGE', path: '/' },
  { path: '/fails' },
  { path: '/fails', method: 'HEAD' },
  { path: '/people/2' },
  { path: '/db', headers: { 'accept-encoding': 'gzip' } },
];

describe('json-server, with its own Express 4', () => {
  it('responds as without the line, before and after its routes, and its compression and morgan stay in place', async () => {
    const apps = await startWays('real-json-server.mjs', ['before', 'after']);
    const { replies, found } = await compare(apps, jsonServerCalls);
    expect(found).toEqual({ before: [], after: [] });
    expect(statusesOf(replies)).toEqual([200, 201, 204, 206, 304, 400, 404, 413, 415, 416, 500]);
    for (const { states, program } of Object.values(apps.ours)) {
      expect(await states()).toMatchObject({
        compression: 'kept',
        requestLogger: 'kept',
        errorHandler: 'on',
      });
      // a line of ours stands only for an error, which morgan does not log, and for what is sent before morgan runs
      const isOurs = (line: string) => line.startsWith('{');
      const lines = program.out.filter(isOurs).map((line) => JSON.parse(line));
      const ordinary = lines.filter(({ err }) => err === undefined);
      expect(new Set(ordinary.map(({ method, url }) => `${method} ${url}`))).toEqual(
        new Set(['GET /', 'GET /style.css', 'HEAD /style.css', 'OPTIONS /people', 'GET /favicon.ico']),
      );
      for (const { method, url } of ordinary) {
        expect(program.out.filter((line) => !isOurs(line) && line.includes(`${method} ${url} `))).toEqual([]);
      }
      expect(lines.filter(({ url, method }) => method === 'GET' && url === '/fails')).toEqual([
        expect.objectContaining({
          level: 50,
          err: expect.objectContaining({ message: 'the secret of this app' }),
        }),
      ]);
      expect(program.out.some((line) => line.includes('GET /people?age=21'))).toBe(true);
    }
  });

  it('responds as without the line when compression and the log are ours', async () => {
    const apps = await startWays('real-json-server.mjs', ['before', 'after'], ['bare']);
    const { found } = await compare(apps, jsonServerCalls);
    expect(found).toEqual({ before: [], after: [] });
    for (const { states, program, client } of Object.values(apps.ours)) {
      expect(await states()).toMatchObject({ compression: 'on', requestLogger: 'on' });
      const { headers } = await client.send({ path: '/db', headers: { 'accept-encoding': 'gzip' } });
      expect(headers.get('content-encoding')).toBe('gzip');
      const line = JSON.parse(await program.line(/"url":"\/fails"/));
      expect(line).toMatchObject({
        route: '/fails',
        status: 500,
        err: { message: 'the secret of this app' },
      });
    }
  });
});

function statusesOf(replies: readonly Reply[]): number[] {
  return [...new Set(replies.map(({ status }) => status))].sort();
}

const form = (boundary: string, content: string): Call => ({
  method: 'POST',
  path: '/cats/upload',
  headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  body: `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n${content}\r\n--${boundary}--\r\n`,
});

const nestCalls: Call[] = [
  { path: '/cats' },
  { path: '/cats', headers: { 'accept-encoding': 'gzip' } },
  { path: '/cats', headers: { 'accept-encoding': 'gzip' }, follow: etagOf(-1) },
  { path: '/cats', method: 'HEAD' },
  { path: '/cats/7' },
  { path: '/cats/seven' },
  { path: '/cats/%ff' },
  post('/cats?a=1&a=2', { name: 'Tom' }),
  { ...post('/cats', {}), body: '{"broken' },
  { ...post('/cats', {}), body: `{"a":"${'x'.repeat(200_000)}"}` },
  form('xx', 'content'),
  { ...form('xx', 'content'), body: '--xx\r\nbroken' },
  { path: '/cats/fails' },
  { path: '/cats/guarded' },
  { path: '/cats/guarded', headers: { authorization: 'x' } },
  { path: '/cats/teapot' },
  { path: '/cats/filtered' },
  { path: '/cats/intercepted' },
  { path: '/cats/moved' },
  { path: '/cats/file' },
  { path: '/cats/file', headers: { 'accept-encoding': 'br' } },
  { path: '/cats/file', method: 'HEAD' },
  { path: '/cats/events', headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip' } },
  { path: '/cats/native' },
  { path: '/plain' },
  { path: '/static/real-nest.mjs', headers: { range: 'bytes=0-9' } },
  { path: '/static/real-nest.mjs', headers: { 'accept-encoding': 'gzip' } },
  { path: '/static/missing' },
  { path: '/missing' },
  { path: '/missing', headers: { accept: 'text/html' } },
  {
    method: 'OPTIONS',
    path: '/cats',
    headers: { origin: 'http://a.test', 'access-control-request-method': 'PUT' },
  },
  { method: 'DELETE', path: '/cats' },
];

describe('NestJS', () => {
  it('responds as without the line, whichever framework makes the Express app, and the log has the errors', async () => {
    const apps = await startWays('real-nest.mjs', ['instance', 'adapter']);
    const { replies, found } = await compare(apps, nestCalls);
    expect(found).toEqual({ instance: [], adapter: [] });
    expect(statusesOf(replies)).toEqual([
      200, 201, 202, 204, 206, 302, 304, 400, 403, 404, 413, 418, 422, 500,
    ]);
    for (const { states, program } of Object.values(apps.ours)) {
      expect(await states()).toMatchObject({ compression: 'on', requestLogger: 'on' });
      const logged = async (url: string) => JSON.parse(await program.line(new RegExp(`"url":"${url}"`)));
      expect(await logged('/cats/fails')).toMatchObject({
        level: 50,
        route: '/cats/fails',
        err: { message: 'the secret of this app', stack: expect.stringContaining('real-nest.mjs') },
      });
      expect(await logged('/cats/guarded')).toMatchObject({ status: 403, err: { message: 'no entry' } });
      expect(await logged('/plain')).toMatchObject({
        status: 500,
        err: { message: 'from plain middleware' },
      });
      expect(await logged('/cats/7')).toMatchObject({ route: '/cats/:id', status: 200 });
    }
  });
});

const times =
  /"?(?:\d{4}-\d\d-\d\dT[\d:.]+Z|\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT)"?|"_rev": ?"[^"]*"|"token": ?"[^"]*"/g;
const logIn: Call = {
  method: 'PUT',
  path: '/-/user/org.couchdb.user:tester',
  headers: json,
  body: '{"name":"tester","password":"password"}',
};
/** Of the user that the first call of all makes. */
const auth: Pick<Call, 'follow'> = {
  follow: ([login]) => ({ authorization: `Bearer ${JSON.parse(String(login?.body)).token}` }),
};

/** A package in a new folder, and npm to work there. */
function npmPackage(parent: string, name: string, version: string) {
  const folder = mkdtempSync(path.join(parent, `${name}-`));
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }));
  writeFileSync(path.join(folder, 'index.js'), 'module.exports = 42;\n');
  writeFileSync(path.join(folder, 'README.md'), '# Readme\n'.repeat(500));
  const npm = async (...args: string[]) => (await execFile('npm', args, { cwd: folder })).stdout.trim();
  return { folder, npm };
}

function publish(tarball: Buffer, name: string, version: string): Call {
  const at = `${name}-${version}.tgz`;
  const dist = { tarball: `http://app.test/${name}/-/${at}`, shasum: '0'.repeat(40) };
  const manifest = {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { name, version, description: 'a test', readme: '# Test\n'.repeat(200), dist } },
    _attachments: {
      [at]: {
        content_type: 'application/octet-stream',
        data: tarball.toString('base64'),
        length: tarball.length,
      },
    },
  };
  return {
    method: 'PUT',
    path: `/${name}`,
    headers: json,
    body: JSON.stringify(manifest),
  };
}

// no tarball is fetched: this version of Verdaccio may set its length when the body is under way, which ends the process
const verdaccioCalls = (tarball: Buffer): Call[] =>
  [
    logIn,
    { path: '/-/ping' },
    { path: '/-/whoami' },
    { path: '/-/whoami', ...auth },
    { path: '/-/whoami', headers: { authorization: 'Basic bm9ib2R5Ondyb25n' } },
    { path: '/-/whoami', headers: { authorization: 'Bearer broken' } },
    publish(tarball, 'one', '1.0.0'),
    { ...publish(tarball, 'one', '1.0.0'), ...auth },
    { ...publish(tarball, 'one', '1.0.0'), ...auth },
    { ...publish(tarball, 'one', '1.1.0'), ...auth },
    { ...publish(tarball, 'private-one', '1.0.0'), ...auth },
    { ...publish(tarball, 'two', '1.0.0'), ...auth, body: '{"broken' },
    { ...publish(tarball, 'two', '1.0.0'), ...auth, body: '{}' },
    { path: '/one' },
    { path: '/one', headers: { 'accept-encoding': 'gzip' } },
    { path: '/one', headers: { 'accept-encoding': 'gzip' }, follow: etagOf(-1) },
    { path: '/one', headers: { accept: 'application/vnd.npm.install-v1+json' } },
    { path: '/one/1.1.0' },
    { path: '/one/latest' },
    { path: '/one/9.9.9' },
    { path: '/one', method: 'HEAD' },
    { path: '/private-one' },
    { path: '/private-one', ...auth },
    { path: '/-/v1/search?text=one' },
    { path: '/-/v1/search?text=%ff' },
    { path: '/-/package/one/dist-tags' },
    { method: 'PUT', path: '/-/package/one/dist-tags/beta', headers: json, body: '"1.0.0"', ...auth },
    { path: '/-/package/one/dist-tags' },
    { method: 'DELETE', path: '/-/package/one/dist-tags/beta', ...auth },
    { path: '/missing' },
    { path: '/@scope%2fmissing' },
    { path: '/%E0%A4%A' },
    { path: '/' },
    { path: '/', headers: { 'accept-encoding': 'br, gzip', accept: 'text/html' } },
    { path: '/-/static/main.js', headers: { 'accept-encoding': 'gzip' } },
    { path: '/-/static/main.js', headers: { range: 'bytes=5-104' } },
    { path: '/-/static/missing.js' },
    { path: '/favicon.ico' },
    { path: '/-/web/detail/one' },
    { path: '/-/verdaccio/data/packages' },
    { path: '/-/verdaccio/data/sidebar/one' },
    { path: '/-/verdaccio/data/package/readme/one' },
    {
      method: 'OPTIONS',
      path: '/one',
      headers: { origin: 'http://a.test', 'access-control-request-method': 'PUT' },
    },
    { method: 'POST', path: '/one', headers: json, body: '{}' },
    { method: 'DELETE', path: '/one/-rev/1' },
    { method: 'DELETE', path: '/one/-rev/1', ...auth },
    { path: '/one' },
  ].map((call) => ({ ...call, random: times }));

describe('Verdaccio, on Express 5', () => {
  let verdaccio: string;
  let temporary: string;

  beforeAll(() => {
    verdaccio = installed('@verdaccio/server', '9.0.0-next-9.31');
    temporary = mkdtempSync(path.join(tmpdir(), 'verdaccio-'));
  }, 300_000);

  afterAll(() => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));

  it('responds as without the line, and its own compression stays in place', async () => {
    const { npm, folder } = npmPackage(temporary, 'one', '1.0.0');
    const calls = verdaccioCalls(readFileSync(path.join(folder, await npm('pack', '--silent'))));
    const apps = await startWays('real-verdaccio.mjs', ['after'], [verdaccio, temporary]);
    const { replies, found } = await compare(apps, calls);
    expect(found).toEqual({ after: [] });
    expect(statusesOf(replies)).toEqual([200, 201, 204, 304, 400, 401, 404, 409]);
    expect(await apps.ours.after.states()).toMatchObject({ compression: 'kept', errorHandler: 'on' });
  });

  it('accepts packages from npm, and serves them to npm', async () => {
    const { client } = await start('real-verdaccio.mjs', 'after', [verdaccio, temporary]);
    const login = await client.send(logIn);
    const { token } = JSON.parse(String(login.body));
    const registry = `http://127.0.0.1:${client.port}/`;
    const { npm } = npmPackage(temporary, 'published', '1.2.3');
    await npm('publish', `--registry=${registry}`, `--${registry.slice(5)}:_authToken=${token}`);
    const view = await npm('view', 'published', 'version', 'dist', '--json', `--registry=${registry}`);
    expect(JSON.parse(view)).toMatchObject({
      version: '1.2.3',
      dist: { tarball: `${registry}published/-/published-1.2.3.tgz`, fileCount: 3 },
    });
  });
});
