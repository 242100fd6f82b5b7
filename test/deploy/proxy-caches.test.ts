import { nginxCache, varnishCache } from '../../src/deploy/index.js';

const upstreams = ['127.0.0.1:3000'];

/** What would end a directive, a string, a block or a line, in one of the files. */
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
  '%00',
  '/*',
  '//x',
  '\u2028',
];

const generators = [
  ['nginxCache', nginxCache as (options: never) => string],
  ['varnishCache', varnishCache as (options: never) => string],
] as const;

describe.each(generators)('%s', (name, generate) => {
  const text = (options: object = {}) => generate({ upstreams, ...options } as never);

  it('gives the same text for the same options, explicit undefined included', () => {
    expect(text()).toBe(text());
    expect(text({ name: undefined, stale: undefined, sessionCookies: true })).toBe(text());
    expect(text().endsWith('\n')).toBe(true);
    expect(text()).not.toMatch(/undefined|\[object|NaN|[^\S\n]\n/);
  });

  it.each([[undefined], [{}], [{ upstreams: [] }], [{ upstreams: '127.0.0.1:3000' }], [null]])(
    '%j is refused: it contains no upstream',
    (options) => {
      expect(() => generate(options as never)).toThrow(
        expect.objectContaining({
          code: 'ERR_PRODUCTIONIZE_OPTION',
          message: expect.stringMatching(
            `${name}: expected \`upstreams\` to be a list of one or more of 'host:port'`,
          ),
        }),
      );
    },
  );

  it.each([
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.0.0.1:3000:1',
    'http://a.test:80',
    ':3000',
    '-a.test:80',
    'a..test:80',
    'a_b.test:80',
    '[127.0.0.1]:80',
    '[fe80::1%eth0]:80',
    '::1:80',
    '[::1]',
    'unix:/run/app.sock',
    ...endings.flatMap((ending) => [`a${ending}b:80`, `a:80${ending}`, `${ending}a:80`]),
  ])('%j is no upstream', (upstream) => {
    expect(() => text({ upstreams: [...upstreams, upstream] })).toThrow(/`upstreams`/);
  });

  it.each(['', 'App', '1app', 'a-b', 'a.b', 'a'.repeat(33), ...endings.map((ending) => `app${ending}`)])(
    '%j is no name',
    (value) => {
      expect(() => text({ name: value })).toThrow(/`name`/);
    },
  );

  it.each(['', 'a=b', 'a|b', '(a', 'a)', '[a', 'a*', 'a+', 'ä', ...endings.map((ending) => `sid${ending}`)])(
    '%j is no cookie',
    (value) => {
      expect(() => text({ sessionCookies: ['sid', value] })).toThrow(/`sessionCookies`/);
    },
  );

  it.each([
    ['sessionCookies', []],
    ['sessionCookies', false],
    ['stale', 'never'],
    ['maxStaleSeconds', 0],
    ['maxStaleSeconds', '60; evil'],
    ['timeoutSeconds', 1.5],
    ['trustForwarded', 'yes'],
    ['upstreams', [new URL('http://127.0.0.1:3000')]],
    ['name', ['app']],
  ])('%s: %j is refused', (option, value) => {
    expect(() => text({ [option]: value })).toThrow(`\`${option}\``);
  });

  it('an unknown option is refused', () => {
    expect(() => text({ upstream: 'a:1' })).toThrow(/Did you mean `upstreams`/);
  });

  it('bypasses the cache with Authorization and with session cookies', () => {
    expect(text()).toMatch(/authorization/i);
    expect(text({ sessionCookies: ['connect.sid', 'sid'] })).toContain('(connect[.]sid|sid)=');
  });
});

describe('nginxCache', () => {
  it('has lock, stale, background update and bypass', () => {
    const text = nginxCache({ upstreams: ['127.0.0.1:3000', 'app.test:3001'], lockSeconds: 3 });
    for (const line of [
      'server 127.0.0.1:3000 max_fails=0;',
      'server app.test:3001 max_fails=0;',
      'proxy_cache_lock on;',
      'proxy_cache_lock_timeout 3s;',
      'proxy_cache_lock_age 3s;',
      'proxy_cache_use_stale error timeout;',
      'proxy_cache_background_update on;',
      'proxy_cache_revalidate on;',
      'proxy_cache_bypass $cache_app_authorized $cache_app_session $cache_app_body;',
      'proxy_no_cache $cache_app_authorized $cache_app_session $cache_app_body $cache_app_error $cache_app_vary;',
      '"~(^|,)[ \\t]*[*][ \\t]*(,|$)" 1;',
      'proxy_set_header Forwarded "";',
      'proxy_set_header X-Forwarded-For $remote_addr;',
    ]) {
      expect(text).toContain(line);
    }
    expect(nginxCache({ upstreams, stale: 'always' })).toContain(
      'proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;',
    );
  });

  it.each(['http', 'upstream', 'sent_http', 'arg', 'cookie'])(
    'a site called %s defines no variable of nginx itself',
    (name) => {
      const text = nginxCache({ upstreams, name, trustForwarded: true });
      const defined = [...text.matchAll(/^map \S+ (\S+) \{$/gm)].map(([, variable]) => variable);
      expect(defined.length).toBeGreaterThan(5);
      for (const variable of defined) expect(variable).toContain(`$cache_${name}_`);
    },
  );

  it.each([
    ...['relative', '/', '/a/../b', '/a/..', '/a//b', '/a/./b', ''].map((value) => ['cachePath', value]),
    ...endings.map((ending) => ['cachePath', `/var${ending}cache`]),
    ...endings.filter((ending) => ending !== '//x').map((ending) => ['serverNames', [`a.test${ending}`]]),
    ['serverNames', ['*']],
    ['serverNames', ['~^evil$']],
    ['serverNames', ['a.*']],
    ['listen', 0],
    ['listen', 80.5],
    ['listen', '80 default_server; evil'],
    ['listen', '127.0.0.1'],
    ...endings.map((ending) => ['listen', `127.0.0.1:80${ending}`]),
    ['keysMegabytes', 0],
    ['maxMegabytes', -1],
    ['lockSeconds', 0],
    ['keepalive', '32'],
  ] as [string, unknown][])('%s: %j is refused', (option, value) => {
    expect(() => nginxCache({ upstreams, [option]: value })).toThrow(`\`${option}\``);
  });
});

describe('varnishCache', () => {
  it.each([
    ...['readyz', '', '/a?b', '/a b'].map((value) => ['probePath', value]),
    ...endings.filter((ending) => ending !== '//x').map((ending) => ['probePath', `/a${ending}`]),
    ['probePath', true],
    ['probeMs', 99],
    ['purgeFrom', ['10.0.0.0/33']],
    ['purgeFrom', ['::1/129']],
    ['purgeFrom', ['localhost']],
    ['purgeFrom', ['10.0.0']],
    ['purgeFrom', []],
    ...endings.map((ending) => ['purgeFrom', [`10.0.0.1${ending}`]]),
  ] as [string, unknown][])('%s: %j is refused', (option, value) => {
    expect(() => varnishCache({ upstreams, [option]: value })).toThrow(`\`${option}\``);
  });

  it('lets no client purge by default', () => {
    expect(varnishCache({ upstreams })).not.toMatch(/purge/i);
  });
});
