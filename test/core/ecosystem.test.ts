import type { Call, Reply } from '../helpers/compare.js';
import { killAll } from '../helpers/program.js';
import { closeClients, compare, type Running, startWays, type Ways } from '../helpers/real-app.js';

const gzip = { 'accept-encoding': 'gzip' };
const json = { 'content-type': 'application/json' };
const since = (header: string, as: string) => (replies: readonly Reply[]) => ({
  [as]: replies.at(-1)?.headers.get(header),
});
const cookies = (replies: readonly Reply[]) => {
  const set = replies
    .map(({ headers }) => headers.get('set-cookie'))
    .filter(Boolean)
    .at(-1);
  return { cookie: set?.split(';')[0] };
};

function upload(...files: [name: string, content: string][]): Call {
  const part = (head: string, content: string) =>
    `--xx\r\ncontent-disposition: form-data; ${head}\r\n\r\n${content}\r\n`;
  const parts = files.map(([name, content]) => part(`name="file"; filename="${name}"`, content));
  return {
    method: 'POST',
    path: '/upload',
    headers: { 'content-type': 'multipart/form-data; boundary=xx' },
    body: `${part('name="title"', 'a title')}${parts.join('')}--xx--\r\n`,
  };
}

const calls: Record<string, Call[]> = {
  'helmet and cors': [
    { path: '/helmet' },
    { path: '/helmet', headers: gzip },
    { path: '/cors', headers: { origin: 'http://a.test' } },
    { path: '/cors', headers: { origin: 'http://b.example' } },
    {
      method: 'OPTIONS',
      path: '/cors',
      headers: { origin: 'http://a.test', 'access-control-request-method': 'PUT' },
    },
  ],
  'express-session': [
    { path: '/session' },
    { path: '/session', follow: cookies },
    { path: '/session', headers: gzip, follow: cookies },
    { path: '/session', headers: { cookie: 'connect.sid=s%3Aforged.signature' } },
    { path: '/session/out', follow: cookies },
    { path: '/session', follow: cookies },
  ],
  'multer, which keeps the context': [
    upload(['a.txt', 'a'.repeat(90_000)], ['b.txt', '']),
    upload(['big.txt', 'a'.repeat(200_000)]),
    upload(['a', '1'], ['b', '2'], ['c', '3']),
    { ...upload(['a', '1']), body: '--xx\r\nbroken' },
    { ...upload(['a', '1']), headers: { 'content-type': 'multipart/form-data' } },
    { ...upload(['a', '1']), headers: json, body: '{}' },
  ],
  'http-proxy-middleware': [
    { path: '/proxy/a?b=c' },
    { path: '/proxy/teapot' },
    { path: '/proxy/big', headers: gzip },
    { path: '/proxy/big', method: 'HEAD' },
    { method: 'POST', path: '/proxy/upload', headers: json, body: JSON.stringify('x'.repeat(3_000_000)) },
    {
      method: 'PUT',
      path: '/proxy/chunked',
      headers: { 'transfer-encoding': 'chunked' },
      body: 'y'.repeat(500_000),
    },
    { path: '/gone/away' },
  ],
  'static files': [
    ...[
      '/static/page.html',
      '/static/',
      '/static/folder',
      '/static/folder/',
      '/file',
      '/file/page.html',
    ].flatMap((path): Call[] => [
      { path },
      { path, follow: since('etag', 'if-none-match') },
      { path, headers: gzip },
      { path, headers: gzip, follow: since('etag', 'if-none-match') },
      { path, method: 'HEAD' },
      { path, headers: { range: 'bytes=10-19' } },
      { path, headers: { ...gzip, range: 'bytes=10-19' } },
      { path, headers: { range: 'bytes=0-1,5-6' } },
      { path, headers: { range: 'bytes=99999-' } },
      { path, headers: { range: 'bytes=10-19', 'if-range': '"other"' } },
      { path, headers: { 'if-match': '"other"' } },
    ]),
    { path: '/static/page.html' },
    { path: '/static/page.html', follow: since('last-modified', 'if-modified-since') },
    { path: '/static/page.html', headers: { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' } },
    { path: '/static/missing' },
    { path: '/static/.hidden' },
    { path: '/static/../real-nest.mjs' },
    { path: '/static/..%2freal-nest.mjs' },
    { path: '/static/%2e%2e/%2e%2e/package.json' },
    { path: '/static/a%00b' },
    { path: '/static/%ff' },
    { path: '/static//folder/page.html' },
    { method: 'POST', path: '/static/page.html' },
    { path: '/strict/missing' },
    { path: '/strict/.hidden' },
    { path: '/strict/folder' },
    { method: 'POST', path: '/strict/page.html' },
    { path: `/strict/${'long'.repeat(500)}` },
    { path: '/file/missing' },
    { path: '/file/..%2fview.ejs' },
    { path: '/callback/missing' },
    { path: '/callback/page.html', headers: gzip },
    { path: '/download' },
    { path: '/download', headers: { ...gzip, range: 'bytes=0-4' } },
  ],
  "Express's own answers": [
    ...[
      '/redirect',
      '/moved',
      '/view',
      '/view?rows=200',
      '/view',
      '/view/missing',
      '/view/broken',
      '/jsonp',
    ].map(toCall),
    { path: '/jsonp?callback=go.now' },
    { path: '/jsonp?callback=a(b)' },
    { path: '/redirect', headers: { accept: 'text/html' } },
    { path: '/redirect', method: 'HEAD' },
    ...['text/html', 'application/json', 'text/plain', 'text/*;q=0.5, */*;q=0.1'].map((accept) => ({
      path: '/format',
      headers: { accept },
    })),
    ...['/cookies', '/status/200', '/status/404', '/status/503', '/status/304', '/status/299', '/empty'].map(
      toCall,
    ),
    ...['/buffer', '/number', '/undefined', '/nothing', '/attachment', '/raw', '/trailers', '/early'].map(
      toCall,
    ),
    ...[
      '/helmet',
      '/view?rows=200',
      '/cache',
      '/chunks',
      '/pipe',
      '/pipeline',
      '/events',
      '/buffer',
      '/raw',
    ].flatMap((path): Call[] => [
      { path },
      { path, headers: gzip },
      { path, headers: { 'accept-encoding': 'br;q=0.5, gzip;q=0.8' } },
      { path, headers: { 'accept-encoding': 'br' } },
      { path, headers: { 'accept-encoding': 'identity, gzip;q=0' } },
      { path, method: 'HEAD', headers: gzip },
      { path, headers: { ...gzip, 'if-none-match': '*' } },
    ]),
    { path: '/cache', headers: gzip },
    { path: '/cache', headers: gzip, follow: since('etag', 'if-none-match') },
    { path: '/me?a[b]=c&a[d]=e&f=1&f=2' },
    {
      path: '/me',
      headers: {
        'x-forwarded-for': '1.2.3.4, 5.6.7.8',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'b.a.test:8080',
      },
    },
    { path: '/ME/' },
    { path: '/me', headers: { 'x-requested-with': 'XMLHttpRequest' } },
  ],
  bodies: [
    ...[
      '{"a":[1,{"b":null}]}',
      '[]',
      '',
      '{',
      '"text"',
      'null',
      `{"a":"${'x'.repeat(60_000)}"}`,
      '\ufeff{}',
    ].map((body) => ({
      method: 'POST',
      path: '/body',
      headers: json,
      body,
    })),
    { method: 'POST', path: '/body', headers: { 'content-type': 'application/vnd.api+json' }, body: '{}' },
    { method: 'POST', path: '/body', headers: { 'content-type': 'text/plain' }, body: 'text' },
    {
      method: 'POST',
      path: '/body',
      headers: { 'content-type': 'application/octet-stream' },
      body: Buffer.alloc(200_000, 7),
    },
    {
      method: 'POST',
      path: '/body',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=1&a=2&b[c]=3&%ff',
    },
    { method: 'POST', path: '/body', headers: { ...json, 'content-encoding': 'gzip' }, body: 'not gzip' },
    {
      method: 'POST',
      path: '/body',
      headers: { 'content-type': 'application/json; charset=latin1' },
      body: '{}',
    },
    { method: 'POST', path: '/body' },
    { method: 'PUT', path: '/stream', body: Buffer.alloc(1_000_000, 3) },
    {
      method: 'PUT',
      path: '/stream',
      headers: { 'transfer-encoding': 'chunked' },
      body: 'z'.repeat(100_000),
    },
  ],
  'routers, errors and what no route takes': [
    ...['/mounted', '/mounted/fails', '/mounted/missing', '/users/a/1', '/users/a/13', '/users/a/1/skip'].map(
      toCall,
    ),
    { method: 'PUT', path: '/users/a/1' },
    { method: 'OPTIONS', path: '/users/a/1' },
    { method: 'OPTIONS', path: '/nowhere' },
    { method: 'PATCH', path: '/users/a/1' },
    { method: 'M-SEARCH', path: '/users/a/1' },
    ...[
      '/throws',
      '/next',
      '/own',
      '/nowhere',
      '/nowhere/%E4%BD%A0?<script>',
      '/%',
      '//',
      '/users/%ff/1',
    ].map(toCall),
    { path: '/throws', method: 'HEAD' },
    { path: '/throws', headers: gzip },
    { path: '/nowhere', method: 'HEAD' },
    { method: 'DELETE', path: '/nowhere' },
    { method: 'POST', path: '/nowhere', body: 'x'.repeat(300_000) },
  ],
};

function toCall(path: string): Call {
  return { path };
}

describe.each([
  ['Express 4', 'express4'],
  ['Express 5', 'express'],
])('on %s, with and without the one line', (_name, express) => {
  let apps: Ways<'before' | 'after'>;

  beforeAll(async () => {
    apps = await startWays('real-ecosystem.mjs', ['before', 'after'], [express]);
  });

  afterAll(() => {
    closeClients();
    killAll();
  });

  it.each(Object.entries(calls))('%s: the same responses', async (_what, list) => {
    const { replies, found } = await compare(apps, list);
    expect(found).toEqual({ before: [], after: [] });
    expect(replies.filter(({ status }) => status === 0)).toEqual([]);
  });

  it('strips prototype keys from the fields that multer adds to its body', async () => {
    const field = (name: string) => `--xx\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n1\r\n`;
    const names = ['a', '__proto__[admin]', 'constructor[prototype][admin]', 'b[__proto__][admin]'];
    const body = `${names.map(field).join('')}--xx--\r\n`;
    const fields = async ({ client }: Running) =>
      JSON.parse(String((await client.send({ ...upload(), body })).body)).fields;
    expect(Object.keys(await fields(apps.plain))).toContain('constructor');
    expect(await fields(apps.ours.before)).toEqual({ a: '1', b: {} });
  });
});
