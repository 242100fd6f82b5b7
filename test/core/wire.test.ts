import { comparable, converse, type Step } from '../helpers/converse.js';
import { killAll } from '../helpers/program.js';
import { closeClients, startWays, type Ways } from '../helpers/real-app.js';

const host = 'Host: app.test\r\n';
const last = `${host}Connection: close\r\n`;
const get = (path: string, headers = host) => `GET ${path} HTTP/1.1\r\n${headers}\r\n`;
const post = (path: string, headers: string, body = '') => `POST ${path} HTTP/1.1\r\n${headers}\r\n${body}`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const json = 'Content-Type: application/json\r\n';

/** What a client sends, and what its answers have in common with those of the app as it is. */
const conversations: Record<string, { steps: Step[]; expect: RegExp }> = {
  'two requests in one write, answered in order': {
    steps: [get('/slow') + get('/number', last)],
    expect: /^HTTP\/1\.1 200.*\r\n\r\nslowHTTP\/1\.1 200.*\r\n\r\n42$/s,
  },
  'forty requests in one write': {
    steps: [get('/number').repeat(39) + get('/undefined', last)],
    expect: /^(HTTP\/1\.1 200.*?\r\n\r\n42){39}HTTP\/1\.1 200/s,
  },
  'a failure between two answers': {
    steps: [get('/number') + get('/throws') + get('/number', last)],
    expect: /42HTTP\/1\.1 500.*42$/s,
  },
  'HEAD, POST and GET on one connection': {
    steps: [
      `HEAD /buffer HTTP/1.1\r\n${host}\r\n${post('/body', `${host}${json}Content-Length: 7\r\n`, '{"a":1}')}`,
      /"a":1/,
      get('/number', last),
    ],
    expect: /Content-Length: 5000.*\r\n\r\nHTTP\/1\.1 200.*"a":1.*42$/is,
  },
  'keep-alive, one request after another': {
    steps: [get('/number'), /42/, get('/own'), /page/, get('/nowhere', last)],
    expect: /42HTTP\/1\.1 520.*HTTP\/1\.1 404/s,
  },
  'HTTP/1.0, no keep-alive': { steps: ['GET /number HTTP/1.0\r\n\r\n'], expect: /^HTTP\/1\.1 200.*42$/s },
  'HTTP/1.0, a body without a length': {
    steps: ['GET /chunks HTTP/1.0\r\n\r\n'],
    expect: /^(?!.*chunked).*line 19 $/s,
  },
  'HTTP/1.0, keep-alive': {
    steps: ['GET /number HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', /42/, 'GET /number HTTP/1.0\r\n\r\n'],
    expect: /42HTTP\/1\.1 200.*42$/s,
  },
  'Expect: 100-continue': {
    steps: [
      post('/body', `${last}${json}Content-Length: 2\r\nExpect: 100-continue\r\n`),
      /100 Continue/,
      '{}',
    ],
    expect: /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200.*"body":\{\}/s,
  },
  'Expect: 100-continue, refused for its size': {
    steps: [
      post('/body', `${last}${json}Content-Length: 90000\r\nExpect: 100-continue\r\n`),
      /413|100/,
      'x'.repeat(90_000),
    ],
    expect: /HTTP\/1\.1 413/,
  },
  'Expect of something else': {
    steps: [get('/number', `${last}Expect: miracles\r\n`)],
    expect: /^HTTP\/1\.1 417/,
  },
  'a chunked upload, in pieces': {
    steps: [
      post('/body', `${last}${json}Transfer-Encoding: chunked\r\n`, chunk('{"a"')),
      chunk(':"b'),
      `${chunk('c"}')}0\r\nX-Trailer: 1\r\n\r\n`,
    ],
    expect: /"a":"bc"/,
  },
  'a chunked upload that is not well formed': {
    steps: [post('/body', `${host}${json}Transfer-Encoding: chunked\r\n`, 'zz\r\nnonsense')],
    expect: /^HTTP\/1\.1 400/,
  },
  'Content-Length and Transfer-Encoding': {
    steps: [post('/body', `${host}${json}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n`, '0\r\n\r\n')],
    expect: /^HTTP\/1\.1 400/,
  },
  'a body that ends too early': {
    steps: [post('/body', `${host}${json}Content-Length: 50\r\n`, '{"a":'), 'FIN'],
    expect: /^(HTTP\/1\.1 400|$)/,
  },
  'a client that ends its half before the answer, which Node takes for gone': {
    steps: [get('/left', last), 'FIN'],
    expect: /^$/,
  },
  'CONNECT, which nobody handles': { steps: [`CONNECT app.test:443 HTTP/1.1\r\n${host}\r\n`], expect: /^$/ },
  'Upgrade, which nobody handles': {
    steps: [get('/number', `${host}Connection: Upgrade, close\r\nUpgrade: websocket\r\n`)],
    expect: /^HTTP\/1\.1 200.*42$/s,
  },
  'Upgrade to h2c': {
    steps: [
      get(
        '/number',
        `${host}Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n`,
      ),
    ],
    expect: /^HTTP\/1\.1 200.*42$/s,
  },
  'an absolute-form target': {
    steps: [get('http://other.test/me?a=1', last)],
    expect: /"hostname":"app.test".*"path":"\/me"/s,
  },
  'an absolute-form target that nothing takes': {
    steps: [get('http://other.test/no%20where?a=1', last)],
    expect: /404/,
  },
  'OPTIONS *': { steps: [`OPTIONS * HTTP/1.1\r\n${last}\r\n`], expect: /^HTTP\/1\.1 \d{3}/ },
  'a target of two slashes': { steps: [get('//app.test/number', last)], expect: /^HTTP\/1\.1 404/ },
  'a long URL': { steps: [get(`/me?q=${'x'.repeat(8000)}`, last)], expect: /^HTTP\/1\.1 200/ },
  'a URL too long for Node': { steps: [get(`/me?q=${'x'.repeat(20_000)}`, host)], expect: /^HTTP\/1\.1 431/ },
  'bytes beyond ASCII in the URL': { steps: [get('/nowhere/\xff\xe4', last)], expect: /^HTTP\/1\.1 4/ },
  'four hundred headers': {
    steps: [get('/number', last + Array.from({ length: 400 }, (_, i) => `X-${i}: ${i}\r\n`).join(''))],
    expect: /^HTTP\/1\.1 200/,
  },
  'headers too large for Node': {
    steps: [get('/number', `${host}X-A: ${'a'.repeat(20_000)}\r\n`)],
    expect: /^HTTP\/1\.1 431/,
  },
  'no Host': { steps: ['GET /number HTTP/1.1\r\n\r\n'], expect: /^HTTP\/1\.1 400/ },
  'two Hosts, two cookies': {
    steps: [get('/me', `${host}Host: b.test\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: close\r\n`)],
    expect: /^HTTP\/1\.1 [24]00/,
  },
  'no HTTP at all': { steps: ['\x16\x03\x01\x00\xa5\x01\x00\x00\xa1'], expect: /^HTTP\/1\.1 400/ },
  'trailers of an answer': {
    steps: [get('/trailers', `${last}TE: trailers\r\n`)],
    expect: /0\r\nX-Sum: 4\r\n\r\n$/,
  },
  'early hints': {
    steps: [get('/early', last)],
    expect: /^HTTP\/1\.1 103 Early Hints\r\n.*after the hints$/s,
  },
};

describe.each([
  ['Express 4', 'express4'],
  ['Express 5', 'express'],
])('byte by byte on %s, with and without the one line', (_name, express) => {
  let apps: Ways<'before'>;

  beforeAll(async () => {
    apps = await startWays('real-ecosystem.mjs', ['before'], [express]);
  });

  afterAll(() => {
    closeClients();
    killAll();
  });

  it.each(Object.entries(conversations))('%s', async (_what, { steps, expect: expected }) => {
    const [plain, ours] = await Promise.all(
      [apps.plain, apps.ours.before].map(({ client }) => converse(client.port, steps)),
    );
    expect(plain).toMatch(expected);
    expect(comparable(ours as string)).toBe(comparable(plain as string));
  });
});
