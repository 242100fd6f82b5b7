import { routeNames } from './confessing-app.js';
import type { Random } from './random.js';

/** A request that a client of Node can send. */
export interface Fuzzed {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: string | undefined;
}

const methods = [
  ...Array(30).fill('GET'),
  'HEAD',
  'HEAD',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'PROPFIND',
];
const hosts = [
  'a.test',
  'a.test',
  'a.test',
  'A.test',
  'a.test:80',
  'a.test:8080',
  'b.test',
  '[::1]:80',
  'a.test.',
  'a.test,b.test',
  'a.test b.test',
  'a.test/',
  'a.test#x',
  'user@a.test',
  'a_b.test',
  'evil.test?',
  'ä.test',
  'a.test:',
  'a.test:080',
  '%61.test',
  "a'test",
];
const ids = [
  '1',
  '1',
  '1',
  '2',
  '%31',
  '1/',
  '1;x',
  '1%2F2',
  '1%00',
  '%ff',
  '1%',
  '.',
  '..',
  '1.',
  '1//',
  '%2e%2e',
  '%C3%A4',
  '1%20',
  '1+',
  '1|2',
  '1[',
  "1'",
  '1\\2',
  '1^',
  '1{}',
  '%e4%',
  'x'.repeat(3000),
];
const prefixes = [
  '/',
  '/',
  '/',
  '/',
  '/',
  '/',
  '//',
  '/./',
  '/%2f/',
  'http://a.test/',
  'http://b.test/',
  '/x/../',
];
const common = ['a=1', 'a=2', 'b=2', 'a[]=1', 'a[]=2', 'a[b]=1'];
const parameters = [
  'a=1',
  'a=1',
  'b=2',
  'a=2',
  'a=1%26b=2',
  'a[]=1',
  'a[]=2',
  'a[b]=1',
  'a[c]=1',
  'a.b=1',
  'A=1',
  '%61=1',
  'a=%31',
  'a',
  'a=',
  '=1',
  '',
  '__proto__[x]=1',
  'constructor=1',
  'hasOwnProperty=1',
  'a=1;b=2',
  'a=%',
  'a=%ff',
  'a=+',
  'a=%20',
  'a=1#x',
  'a=1?b=2',
  'a%5B%5D=3',
  'a%5Bb%5D=4',
  'a=%C3%A4',
  'a[0]=1',
  'a[1]=2',
  'a[100]=1',
  'a[b][c]=1',
  'a]=1',
  '[a=1',
  'utm_source=x',
  'toString=1',
  'length=1',
  'a=1,2',
  `long=${'y'.repeat(500)}`,
];

const headers: Record<string, readonly (string | string[])[]> = {
  authorization: ['Bearer 1', 'Bearer 2', 'Basic eDp5', '', '0'],
  cookie: ['sid=1', 'sid=2', '', 'theme=dark', 'sid', '=', ';', 'sid=1; sid=2', ['sid=1', 'sid=2']],
  'x-api-key': ['1', '2'],
  'proxy-authorization': ['Basic eDp5'],
  'accept-language': [
    'de',
    'en',
    'DE',
    'de, en',
    'de,en',
    ' de ',
    '',
    'de;q=0.5 , en',
    '*',
    ['de', 'en'],
    'x'.repeat(2000),
  ],
  'accept-tenant': ['acme', 'Acme', 'a, b', 'a,b'],
  'x-a': ['1', '2', '1, 2', '"', '1","2', '\\', 'null', '', ['1', '2']],
  'x-b': ['1', '2', ', 2', 'null', ''],
  origin: ['https://a.test', 'https://b.test', 'null'],
  'accept-encoding': ['gzip', 'br', 'gzip, br', 'identity;q=0', '*', '', 'gzip;q=0', 'x'],
  'x-forwarded-host': ['evil.test', 'a.test', ''],
  'x-forwarded-proto': ['https', 'http', 'javascript'],
  'x-forwarded-for': ['6.6.6.6', '127.0.0.1'],
  'x-forwarded-port': ['443'],
  forwarded: ['host=evil.test;proto=https'],
  'x-original-url': ['/private/1', '/open/2'],
  'x-http-method-override': ['POST', 'DELETE'],
  range: ['bytes=0-3', 'bytes=5-', 'bytes=-4', 'bytes=0-0,2-3', 'bytes=9-1', 'bytes=99999-', 'x=1', 'bytes='],
  'if-range': ['"fixed"', 'W/"fixed"', '"x"', 'Wed, 01 Jan 2025 00:00:00 GMT', 'x'],
  'if-none-match': ['"fixed"', '*', 'W/"fixed"', '"x", "fixed"', '"', '', '"x"'],
  'if-modified-since': ['Wed, 01 Jan 2025 00:00:00 GMT', 'Wed, 01 Jan 2031 00:00:00 GMT', 'x', ''],
  'if-match': ['"fixed"', '*', '"x"'],
  'if-unmodified-since': ['Wed, 01 Jan 2025 00:00:00 GMT'],
  'cache-control': [
    'no-cache',
    'no-store',
    'max-age=0',
    'only-if-cached',
    'max-stale',
    'min-fresh=5',
    'public',
    'no-transform',
    'x="y',
  ],
  pragma: ['no-cache'],
  te: ['trailers'],
  connection: ['x-a, keep-alive', 'authorization, keep-alive', 'keep-alive'],
  upgrade: ['h2c'],
  accept: ['text/html', 'application/json', '*/*', ''],
  referer: ['https://evil.test/'],
  'user-agent': ['x', 'y'],
  via: ['1.1 x'],
  'content-type': ['application/json', 'x'],
};
// those that others have been poisoned by come more often
const names = [
  ...Object.keys(headers),
  ...Array(4)
    .fill(['authorization', 'cookie', 'x-original-url', 'x-http-method-override', 'accept-language'])
    .flat(),
];

/** A request that means well as often as not; the other half nobody would send who does. */
export function fuzzed(random: Random): Fuzzed {
  const odd = random.chance(0.5);
  const method = odd ? random.pick(methods) : 'GET';
  const route = `${odd ? random.pick(prefixes) : '/'}${random.pick(routeNames)}`;
  const id = odd && random.chance(0.3) ? random.pick(ids) : '1';
  const query = random.chance(odd ? 0.5 : 0.9)
    ? ''
    : `?${random.some(random.chance(0.7) ? common : parameters, 4).join('&')}`;
  const chosen = new Map([['host', ['host', odd && random.chance(0.3) ? random.pick(hosts) : 'a.test']]]);
  for (const name of random.some(names, odd ? random.pick([1, 3, 7]) : 1)) {
    const spelling = random.chance(0.1) ? name.toUpperCase() : name;
    chosen.set(name, [spelling, random.pick(headers[name] as readonly string[])]);
  }
  const body = random.chance(method === 'GET' || method === 'HEAD' ? 0.02 : 0.5) ? 'x=1' : undefined;
  if (body !== undefined) chosen.set('content-length', ['content-length', String(body.length)]);
  return {
    method,
    path: encodable(`${route}/${id}${query}`),
    headers: Object.fromEntries(chosen.values()),
    body,
  };
}

/** What a client of Node refuses to send stays behind; hostile sockets have it. */
function encodable(path: string): string {
  return path.replace(/[^\x21-\x7e]/g, '');
}

const host = 'Host: a.test\r\n';
const end = 'Connection: close\r\n\r\n';

/** Bytes that are no proper request, or not one alone; `path` is that of the victim. */
export function rawRequests(path: string): [what: string, bytes: string][] {
  const get = `GET ${path} HTTP/1.1\r\n`;
  return [
    ['two hosts', `${get}${host}Host: evil.test\r\n${end}`],
    ['no host', `${get}${end}`],
    ['an empty host', `${get}Host:\r\n${end}`],
    ['a host that is a list', `${get}Host: a.test, evil.test\r\n${end}`],
    ['a host with a path', `${get}Host: a.test/evil\r\n${end}`],
    ['a host with a user', `${get}Host: evil@a.test\r\n${end}`],
    ['a host with blanks', `${get}Host: a.test evil.test\r\n${end}`],
    ['a host with a tab', `${get}Host: a.test\tevil\r\n${end}`],
    ['a host with a control character', `${get}Host: a.test\x01\r\n${end}`],
    ['a host beyond ASCII', `${get}Host: a.test\xff\r\n${end}`],
    ['a very long host', `${get}Host: ${'a'.repeat(9000)}\r\n${end}`],
    ['an absolute target', `GET http://evil.test${path} HTTP/1.1\r\n${host}${end}`],
    ['an absolute target of https', `GET https://a.test${path} HTTP/1.1\r\n${host}${end}`],
    ['an absolute target without path', `GET http://a.test HTTP/1.1\r\n${host}${end}`],
    ['an authority', `GET a.test:80 HTTP/1.1\r\n${host}${end}`],
    ['an asterisk', `OPTIONS * HTTP/1.1\r\n${host}${end}`],
    ['no slash', `GET x${path} HTTP/1.1\r\n${host}${end}`],
    ['two slashes', `GET /${path} HTTP/1.1\r\n${host}${end}`],
    ['a backslash', `GET \\${path} HTTP/1.1\r\n${host}${end}`],
    ['an encoded slash', `GET /%2f${path} HTTP/1.1\r\n${host}${end}`],
    ['NUL in the target', `GET ${path}\0 HTTP/1.1\r\n${host}${end}`],
    ['an encoded NUL', `GET ${path}%00 HTTP/1.1\r\n${host}${end}`],
    ['control characters in the target', `GET ${path}\x01\x7f HTTP/1.1\r\n${host}${end}`],
    ['a tab in the target', `GET ${path}\tx HTTP/1.1\r\n${host}${end}`],
    ['bytes beyond ASCII in the target', `GET ${path}?\xe4\xff HTTP/1.1\r\n${host}${end}`],
    ['an encoded line break', `GET ${path}?%0d%0aSet-Cookie:evil=1 HTTP/1.1\r\n${host}${end}`],
    ['a fragment', `GET ${path}#x HTTP/1.1\r\n${host}${end}`],
    ['a very long target', `GET ${path}?${'x'.repeat(20_000)} HTTP/1.1\r\n${host}${end}`],
    ['a target just below the limit', `GET ${path}?${'x'.repeat(15_000)} HTTP/1.1\r\n${host}${end}`],
    ['thousands of parameters', `GET ${path}?${'a&'.repeat(5000)} HTTP/1.1\r\n${host}${end}`],
    [
      'a thousand headers',
      `${get}${host}${Array.from({ length: 1000 }, (_, i) => `X-${i}: 1\r\n`).join('')}${end}`,
    ],
    ['a folded header', `${get}${host}X-A: 1\r\n 2\r\n${end}`],
    ['a blank before the colon', `${get}${host}Authorization : Bearer 1\r\n${end}`],
    ['a header without a name', `${get}${host}: x\r\n${end}`],
    ['a header without a colon', `${get}${host}Authorization\r\n${end}`],
    ['NUL in a header', `${get}${host}X-A: 1\0\r\n${end}`],
    ['two users', `${get}${host}Authorization: Bearer 1\r\nAuthorization: Bearer 2\r\n${end}`],
    ['a header named __proto__', `${get}${host}__proto__: x\r\nconstructor: y\r\n${end}`],
    ['bare line feeds', `GET ${path} HTTP/1.1\nHost: a.test\nConnection: close\n\n`],
    ['HTTP/1.0', `GET ${path} HTTP/1.0\r\n${host}\r\n`],
    ['HTTP/1.0 without host', `GET ${path} HTTP/1.0\r\n\r\n`],
    ['HTTP/0.9', `GET ${path}\r\n\r\n`],
    ['HTTP/9.9', `GET ${path} HTTP/9.9\r\n${host}${end}`],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a method in lower case', `get ${path} HTTP/1.1\r\n${host}${end}`],
    ['an unknown method', `EVIL ${path} HTTP/1.1\r\n${host}${end}`],
    ['CONNECT', `CONNECT a.test:443 HTTP/1.1\r\n${host}${end}`],
    [
      'length and chunks',
      `POST ${path} HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n${end}0\r\n\r\n`,
    ],
    [
      'chunks under another name',
      `POST ${path} HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n${end}0\r\n\r\n`,
    ],
    [
      'chunks twice',
      `POST ${path} HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n${end}0\r\n\r\n`,
    ],
    [
      'chunks and identity',
      `POST ${path} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n${end}0\r\n\r\n`,
    ],
    ['two lengths', `POST ${path} HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n${end}x=1`],
    ['a signed length', `POST ${path} HTTP/1.1\r\n${host}Content-Length: +3\r\n${end}x=1`],
    ['a length below zero', `POST ${path} HTTP/1.1\r\n${host}Content-Length: -1\r\n${end}`],
    [
      'a GET with a request as its body',
      `${get}${host}Content-Length: 45\r\n\r\nGET /private/1 HTTP/1.1\r\nHost: evil.test\r\n\r\n\r\n${get}${host}${end}`,
    ],
    ['a GET with a chunked body', `${get}${host}Transfer-Encoding: chunked\r\n${end}3\r\nx=1\r\n0\r\n\r\n`],
    ['many requests at once', `${`${get}${host}\r\n`.repeat(20)}${get}${host}${end}`],
    [
      'a request for a user behind one for all',
      `${get}${host}\r\n${get}${host}Authorization: Bearer 1\r\n${end}`,
    ],
    ['an upgrade', `${get}${host}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n`],
    ['an expectation nobody knows', `${get}${host}Expect: evil\r\n${end}`],
    ['nothing but an end of line', '\r\n\r\n'],
    ['random bytes', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ];
}
