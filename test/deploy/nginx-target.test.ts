import { type NginxOptions, nginx } from '../../src/deploy/targets/nginx.js';
import { differentFacts, factsOf } from '../helpers/deployment.js';
import { generated } from '../helpers/generated.js';

const textOf = (facts = {}, options: NginxOptions = {}) =>
  generated('nginx', factsOf(facts), options)[0]?.text as string;
const adviceOf = (facts = {}, options: NginxOptions = {}) => nginx.advice(factsOf(facts), options).join('\n');
const tls = { certificate: '/etc/tls/cert.pem', certificateKey: '/etc/tls/key.pem' };

/** What would end a directive, a string, a block or a line. */
const endings = [
  ';',
  '{',
  '}',
  '"',
  "'",
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  '#',
  '$host',
  '\\',
  '`',
  '|',
  '(',
  '\u2028',
];

describe('nginx', () => {
  it('writes the same text for the same facts, with an end of line and nothing undefined', () => {
    for (const facts of differentFacts) {
      const text = textOf(facts, { ...tls, cache: true, affinity: 'cookie', directory: '/srv' });
      expect(text).toBe(textOf(facts, { ...tls, cache: true, affinity: 'cookie', directory: '/srv' }));
      expect(text).not.toMatch(/undefined|\[object|NaN|[^\S\n]\n/);
      expect(text.endsWith('}\n')).toBe(true);
    }
  });

  it.each(endings)('no option and no fact contains %j', (ending) => {
    const options: Record<string, unknown> = {
      upstreams: [`a${ending}b:80`],
      timeoutSeconds: `1${ending}`,
      serverNames: [`a.test${ending}`],
      listen: `127.0.0.1:80${ending}`,
      certificate: `/a${ending}b`,
      certificateKey: `/a${ending}b`,
      redirectFrom: `80${ending}`,
      directory: `/srv${ending}`,
      cachePath: `/var${ending}`,
      affinity: `ip${ending}`,
      maxBodyBytes: `1${ending}`,
      nginxVersion: `1.22${ending}`,
      resolver: `127.0.0.11${ending}`,
      trustForwarded: ending,
      cache: ending,
      ipv6: ending,
      exposeHealth: ending,
    };
    expect(Object.keys(options).sort()).toEqual(Object.keys(nginx.options).sort());
    for (const [name, value] of Object.entries(options)) {
      expect(() => textOf({}, { ...tls, [name]: value } as NginxOptions)).toThrow(`\`${name}\``);
    }
    const path = `/a${ending}b`;
    const facts: Record<string, unknown> = {
      port: `80${ending}`,
      health: { liveness: '/livez', readiness: path, startup: '/s' },
      staticDirectories: [{ path, directory: 'public', behind: [] }],
      sessionCookies: [`sid${ending}`],
      webSocketPaths: [path],
      eventStreamPaths: [path],
      bodyLimitBytes: `1${ending}`,
      responseTimeoutMs: `1${ending}`,
      keepAliveTimeoutMs: `1${ending}`,
    };
    for (const [name, value] of Object.entries(facts)) {
      expect(() => textOf({ [name]: value })).toThrow(`\`${name}\``);
    }
    const staticDirectories = [{ path: '/static', directory: `public${ending}`, behind: [] }];
    expect(() => textOf({ staticDirectories }, { directory: '/srv' })).toThrow(/static ?director/i);
    expect(() => textOf({ name: `shop${ending}` })).toThrow('`name`');
  });

  it.each(['.', './', '..', '../other', '', 'a/../..'])('the directory %j is not served', (directory) => {
    const staticDirectories = [{ path: '/', directory, behind: [] }];
    expect(() => textOf({ staticDirectories }, { directory: '/srv' })).toThrow(
      /below the project|`directory` as text/,
    );
  });

  it('serves no files that are behind a middleware of the app', () => {
    const files = (behind: readonly string[]) =>
      textOf({ staticDirectories: [{ path: '/files', directory: 'files', behind }] }, { directory: '/srv' });
    expect(files([])).toContain('location /files/ {');
    expect(files(['requireLogin'])).not.toContain('location /files/');
  });

  it('a certificate needs its key', () => {
    expect(() => textOf({}, { certificate: '/a' })).toThrow(/belong together/);
    expect(() => textOf({}, { certificateKey: '/a' })).toThrow(/belong together/);
  });

  it.each([
    [65_000, '60s'],
    [30_000, '25s'],
    [6000, '1s'],
    [0, '60s'],
    [600_000, '60s'],
  ])('connections end before the %i ms of the app', (keepAliveTimeoutMs, expected) => {
    expect(textOf({ keepAliveTimeoutMs })).toContain(`keepalive_timeout ${expected};`);
  });

  it('reuses no connection that the app closes within seconds, and states what to change', () => {
    const text = textOf({ keepAliveTimeoutMs: 5000 });
    expect(text).not.toContain('keepalive 32');
    expect(text).toContain('proxy_set_header Connection close;');
    expect(adviceOf({ keepAliveTimeoutMs: 5000 })).toMatch(/server\.keepAliveTimeout/);
  });

  it('takes the limits of the app, and no request is sent twice', () => {
    const text = textOf({ bodyLimitBytes: 12_345, responseTimeoutMs: 9500 });
    expect(text).toContain('client_max_body_size 12345;');
    expect(text).toContain('proxy_read_timeout 15s;');
    expect(text).toContain('proxy_next_upstream error timeout;');
    expect(text).not.toMatch(/non_idempotent;|proxy_intercept_errors on/);
  });

  it.each([
    [{ trustProxy: 1 }, {}, undefined],
    [{ trustProxy: 0 }, {}, /trusts 0 hops, but this proxy is one/],
    [{ trustProxy: 2 }, {}, /trusts 2 hops, but this proxy is one/],
    [{ trustProxy: 'all' }, {}, /chooses its address/],
    [{ trustProxy: 'custom' }, {}, /function or list/],
    [{ trustProxy: 1 }, { trustForwarded: true }, /'trust proxy', 2/],
    [{ trustProxy: 2 }, { trustForwarded: true }, undefined],
    [{ staticDirectories: [{ path: '/', directory: 'public' }] }, {}, /--directory/],
    [{ cache: true }, { cache: true }, /both cache/],
    [{ webSocketPaths: ['/socket.io'], workers: 2 }, {}, /--affinity cookie/],
    [{ webSocketPaths: ['/socket.io'], workers: 2 }, { affinity: 'cookie' }, undefined],
  ] as [object, NginxOptions, RegExp | undefined][])(
    '%j with %j: the advice is %s',
    (facts, options, expected) => {
      const advice = adviceOf(facts, { ...tls, ...options });
      if (expected === undefined) expect(advice).toBe('');
      else expect(advice).toMatch(expected);
    },
  );

  it('a site without TLS is named', () => {
    expect(adviceOf()).toMatch(/no TLS/);
    expect(adviceOf({ trustProxy: 2 }, { trustForwarded: true })).toBe('');
  });

  it.each(Object.entries(nginx.options))('--%s parses text into what its check accepts', (name, option) => {
    const texts: Record<string, string> = {
      upstreams: '127.0.0.1:1,[::1]:2',
      serverNames: 'a.test,*.b.test',
      certificate: '/a',
      certificateKey: '/a',
      directory: '/a',
      cachePath: '/a',
      affinity: 'ip',
      nginxVersion: '1.22',
      resolver: '127.0.0.11',
      redirectFrom: 'false',
    };
    const text = texts[name] ?? (option.value.includes('yes') ? 'yes' : '80');
    expect(option.check(option.parse(text))).toBeUndefined();
    expect(option.check(option.parse('a b'))).toBeDefined();
  });
});
