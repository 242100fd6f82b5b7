import type { OutgoingHttpHeaders } from 'node:http';
import { cleanUp, freePort, until } from '../helpers/daemons.js';
import { itNeeds } from '../helpers/needs.js';
import { killAll, type Program, run } from '../helpers/program.js';
import { type CacheProxy, nginx, varnish } from '../helpers/proxies.js';
import { type Answer, get } from '../helpers/serve.js';
import { cacheStatuses } from '../middleware/response-cache/rules/cache-status.js';

const it = itNeeds('nginx', 'varnishd');

afterAll(async () => {
  killAll();
  await cleanUp();
});

const sessionCookies = ['connect.sid', 'sid'];
const optionSets = [
  { upstreams: ['127.0.0.1:3000'] },
  { upstreams: ['127.0.0.1:3000', '[::1]:3001', 'localhost:3002'], name: 'shop_2', sessionCookies },
  {
    upstreams: ['127.0.0.1:3000'],
    stale: 'always',
    maxStaleSeconds: 60,
    timeoutSeconds: 5,
    trustForwarded: true,
  },
] as const;

describe('the generated file', () => {
  it.each(optionSets)('for nginx is accepted by nginx -t: %j', async (options) => {
    expect(await nginx.refuses(nginx.text(options))).toBeUndefined();
    const more = {
      serverNames: ['a.test', '*.b.test'],
      listen: '[::1]:8080',
      keysMegabytes: 1,
      keepalive: 4,
    };
    expect(await nginx.refuses(nginx.text({ ...options, ...more }))).toBeUndefined();
  });

  it.each(optionSets)('for Varnish is accepted by varnishd -C: %j', async (options) => {
    expect(await varnish.refuses(varnish.text(options))).toBeUndefined();
    const more = { probePath: false, purgeFrom: ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8'] } as const;
    expect(await varnish.refuses(varnish.text({ ...options, ...more }))).toBeUndefined();
  });

  it.each(['http', 'upstream', 'sent_http', 'req', 'std', 'sub', 'vcl_recv', 'a'.repeat(32)])(
    'is accepted by both for a site called %s',
    async (name) => {
      const options = { upstreams: ['127.0.0.1:3000'], name };
      expect(await nginx.refuses(nginx.text({ ...options, trustForwarded: true }))).toBeUndefined();
      expect(await varnish.refuses(varnish.text({ ...options, purgeFrom: ['::1'] }))).toBeUndefined();
    },
  );

  it('is checked: an invalid file is refused by both', async () => {
    const options = { upstreams: ['127.0.0.1:3000'] };
    expect(await nginx.refuses(nginx.text(options).replace('lock on', 'lock maybe'))).toMatch(/lock/);
    expect(await varnish.refuses(varnish.text(options).replace('return (pass)', 'return (past)'))).toMatch(
      /past/,
    );
  });
});

const proxies = [nginx, varnish] as const;

describe.each(proxies)('behind $name', (kind) => {
  describe.each(['off', 'on'] as const)('an app whose own cache is %s', (CACHE) => {
    let app: Program;
    let appPort: number;
    let proxy: CacheProxy;
    let id = 0;
    let at: string;

    async function boot(): Promise<void> {
      app = run('cached.mjs', { env: { CACHE, PORT: String(appPort) } });
      await app.port();
    }

    beforeAll(async () => {
      appPort = await freePort();
      await boot();
      proxy = await kind.start({ upstreams: [`127.0.0.1:${appPort}`] });
    });

    afterAll(async () => {
      await proxy.stop();
      app.child.kill('SIGKILL');
      await app.exit();
    });

    beforeEach(() => {
      at = String(++id);
    });

    const ask = (path: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> =>
      get(`http://127.0.0.1:${proxy.port}`, { path, headers, method });
    const callOf = async (path: string, headers?: OutgoingHttpHeaders): Promise<number> =>
      JSON.parse((await ask(path, headers)).text).call;
    const calls = async (path: string): Promise<number> =>
      Number((await get(`http://127.0.0.1:${appPort}/calls?of=${encodeURIComponent(path)}`)).text);
    const broken = (state: 'on' | 'off') =>
      get(`http://127.0.0.1:${appPort}/broken/${state}`, { method: 'POST' });
    const ours = ({ headers }: Answer) => cacheStatuses(String(headers['cache-status'])).at(-1);

    it.each(['minute', 'shared', 'public'])('%s: a response with a lifetime is stored', async (policy) => {
      const path = `/${policy}/${at}`;
      const first = await ask(path);
      const second = await ask(path);
      expect([first.text, second.text].map((text) => JSON.parse(text).call)).toEqual([1, 1]);
      expect(await calls(path)).toBe(1);
      expect(ours(first)?.parameters).toMatchObject({ fwd: 'uri-miss' });
      expect(ours(second)).toMatchObject({ cache: kind.name, parameters: { hit: true } });
      expect(second.headers['cache-control']).toBe(first.headers['cache-control']);
    });

    it.each(['private', 'none', 'asked', 'unsaid'])(
      '%s: a response that must not be stored is not',
      async (policy) => {
        const path = `/${policy}/${at}`;
        expect([await callOf(path), await callOf(path), await callOf(path)]).toEqual([1, 2, 3]);
      },
    );

    it('max-age ends', async () => {
      const path = `/second/${at}`;
      const begin = Date.now();
      expect(await callOf(path)).toBe(1);
      expect(await until(async () => (await callOf(path)) === 2)).toBe(true);
      expect(Date.now() - begin).toBeGreaterThanOrEqual(900);
    });

    it('a response that sets a cookie is not stored', async () => {
      const path = `/public/${at}?cookie=1`;
      const answers = [await ask(path), await ask(path)];
      expect(answers.map(({ headers }) => headers['set-cookie'])).toEqual([
        ['sid=1; Path=/'],
        ['sid=2; Path=/'],
      ]);
    });

    it.each(['*', 'Accept-Language, *', '*, Accept-Language', 'Accept-Language , * , Accept'])(
      'a response with Vary: %s is not stored',
      async (vary) => {
        const path = `/minute/${at}?vary=${encodeURIComponent(vary)}`;
        expect([await callOf(path), await callOf(path), await callOf(path)]).toEqual([1, 2, 3]);
      },
    );

    it.each(['0', '-1', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Sun, 06 Nov 1994 08:49:37 GMT'])(
      'a response with Expires: %s is not stored',
      async (expires) => {
        const path = `/unsaid/${at}?expires=${encodeURIComponent(expires)}`;
        expect([await callOf(path), await callOf(path), await callOf(path)]).toEqual([1, 2, 3]);
      },
    );

    it('a response with a date in the future in Expires is stored', async () => {
      const expires = encodeURIComponent(new Date(Date.now() + 60_000).toUTCString());
      const path = `/unsaid/${at}?expires=${expires}`;
      expect([await callOf(path), await callOf(path)]).toEqual([1, 1]);
    });

    it('Vary stores a response for each language', async () => {
      const path = `/minute/${at}?vary=Accept-Language`;
      const languages = ['de', 'en', 'de', 'en'];
      const texts: string[] = [];
      for (const language of languages) texts.push((await ask(path, { 'accept-language': language })).text);
      expect(texts.map((text) => JSON.parse(text).language)).toEqual(languages);
      expect(await calls(path)).toBe(2);
    });

    it('a request with Authorization bypasses the cache, and its response is not shared', async () => {
      const path = `/minute/${at}`;
      const users: string[] = [];
      for (const authorization of ['Bearer 1', 'Bearer 2', '0']) {
        users.push(JSON.parse((await ask(path, { authorization })).text).user);
      }
      expect(users).toEqual(['Bearer 1', 'Bearer 2', '0']);
      const anybody = await ask(path);
      expect(JSON.parse(anybody.text).user).toBeUndefined();
      const status = ours(await ask(path, { authorization: 'Bearer 1' }));
      expect(status?.parameters).toMatchObject({ fwd: 'request' });
    });

    it('a request with a cookie bypasses the cache, and its response is not shared', async () => {
      const path = `/minute/${at}`;
      const cookies: string[] = [];
      for (const cookie of ['sid=1', 'sid=2', 'a=b; connect.sid=3', 'theme=dark']) {
        cookies.push(JSON.parse((await ask(path, { cookie })).text).cookie);
      }
      expect(cookies).toEqual(['sid=1', 'sid=2', 'a=b; connect.sid=3', 'theme=dark']);
      expect(JSON.parse((await ask(path)).text).cookie).toBeUndefined();
    });

    it('lock: of 30 concurrent requests, one is forwarded', async () => {
      const path = `/minute/${at}?slow=300`;
      const all = await Promise.all(Array.from({ length: 30 }, () => callOf(path)));
      expect(new Set(all)).toEqual(new Set([1]));
      expect(await calls(path)).toBe(1);
    });

    it('background update: within stale-while-revalidate the old response is sent immediately, and the new one later', async () => {
      const path = `/revalidated/${at}?slow=2000`;
      expect(await callOf(path)).toBe(1);
      let longest = 0;
      const newer = await until(async () => {
        const begin = performance.now();
        const call = await callOf(path);
        longest = Math.max(longest, performance.now() - begin);
        return call > 1 && call;
      });
      expect(newer).toBe(2);
      expect(longest).toBeLessThan(1500);
    });

    it('an error is not stored, although its route has a lifetime', async () => {
      const path = `/minute/${at}`;
      await broken('on');
      const failed = await ask(path);
      await broken('off');
      expect([failed.status, failed.headers['cache-control']]).toEqual([500, 'no-store']);
      expect((await ask(path)).status).toBe(200);
      const missing = [await ask(`/gone/${at}`), await ask(`/gone/${at}`)];
      expect(missing.map(({ status }) => status)).toEqual([404, 404]);
      expect(await calls(`/gone/${at}`)).toBe(2);
    });

    it('POST is not stored, and HEAD is served from a stored GET', async () => {
      const posts = [await ask(`/seen/${at}`, {}, 'POST'), await ask(`/seen/${at}`, {}, 'POST')];
      expect(posts.map(({ text }) => JSON.parse(text).method)).toEqual(['POST', 'POST']);
      expect(ours(posts[0] as Answer)?.parameters).toMatchObject({ fwd: 'method' });
      const path = `/minute/${at}`;
      const { headers } = await ask(path);
      const head = await ask(path, {}, 'HEAD');
      expect([head.status, head.text, head.headers['content-length']]).toEqual([
        200,
        '',
        headers['content-length'],
      ]);
      expect(await calls(path)).toBe(1);
    });

    it('headers that a client may forge are not forwarded', async () => {
      const answer = await ask(`/seen/${at}`, {
        host: 'a.test',
        forwarded: 'for=6.6.6.6;host=evil.test',
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-host': 'evil.test',
        'x-forwarded-proto': 'https',
        'x-forwarded-port': '666',
        'x-forwarded-prefix': '/evil',
        'x-host': 'evil.test',
        'x-original-url': '/evil',
        'x-rewrite-url': '/evil',
      });
      const { headers, ip, host, protocol } = JSON.parse(answer.text);
      expect({ ip, host, protocol }).toEqual({ ip: '127.0.0.1', host: 'a.test', protocol: 'http' });
      expect(JSON.stringify(headers)).not.toMatch(/evil|666|6\.6\.6\.6/);
      expect(headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'a.test' });
      expect(answer.headers['cache-status']).not.toContain('evil');
    });

    it('each host has its own responses', async () => {
      const path = `/minute/${at}`;
      expect([await callOf(path, { host: 'a.test' }), await callOf(path, { host: 'b.test' })]).toEqual([
        1, 2,
      ]);
      expect(await callOf(path, { host: 'A.test' })).toBe(1);
    });

    it('connections to the app are reused', async () => {
      const before = Number((await get(`http://127.0.0.1:${appPort}/sockets`)).text);
      for (let n = 0; n < 20; n++) await callOf(`/none/${at}`);
      const after = Number((await get(`http://127.0.0.1:${appPort}/sockets`)).text);
      // one that is not back yet is not used again; without any reuse it would be 20
      expect(after - before).toBeLessThan(10);
    });

    it('while the app is down, stale responses are served, and other requests fail', async () => {
      const path = `/second/${at}`;
      expect(await callOf(path)).toBe(1);
      app.child.kill('SIGKILL');
      await app.exit();
      await until(async () => {
        const { parameters } = ours(await ask(path)) ?? {};
        return parameters?.detail === 'STALE' || Number(parameters?.ttl) < 0;
      });
      expect(await callOf(path)).toBe(1);
      expect((await ask(`/second/${at}-other`)).status).toBeGreaterThanOrEqual(502);
      await boot();
      // calls are counted from the start again
      await until(async () => {
        await ask(path);
        return (await calls(path)) > 0;
      });
    });
  });

  it('behind a load balancer its protocol and host reach the app, and each has separate responses', async () => {
    const app = run('cached.mjs');
    const port = await app.port();
    const proxy = await kind.start({ upstreams: [`127.0.0.1:${port}`], trustForwarded: true });
    try {
      const ask = async (path: string, headers: OutgoingHttpHeaders = {}) =>
        JSON.parse((await get(`http://127.0.0.1:${proxy.port}`, { path, headers })).text);
      const https = { 'x-forwarded-proto': 'https' };
      const host = { 'x-forwarded-host': 'shop.test' };
      const { headers } = await ask('/seen/1', { ...https, ...host, 'x-forwarded-for': '1.2.3.4' });
      expect(headers).toMatchObject({ ...https, ...host, 'x-forwarded-for': '1.2.3.4, 127.0.0.1' });
      const calls: number[] = [];
      for (const sent of [{}, https, host, { ...https, ...host }, {}, https, host, { ...https, ...host }]) {
        calls.push((await ask('/minute/1', sent)).call);
      }
      expect(calls).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    } finally {
      await proxy.stop();
    }
  });

  it('cookies that are not named are not forwarded with GET, and the response is stored', async () => {
    const app = run('cached.mjs');
    const port = await app.port();
    const proxy = await kind.start({ upstreams: [`127.0.0.1:${port}`], sessionCookies });
    try {
      const ask = async (cookie: string, path = '/minute/1', method = 'GET') =>
        JSON.parse((await get(`http://127.0.0.1:${proxy.port}`, { path, headers: { cookie }, method })).text);
      expect(await ask('theme=dark')).toEqual({ call: 1 });
      expect(await ask('theme=light; xsid=1; connectxsid=2')).toEqual({ call: 1 });
      expect(await ask('theme=dark; sid=1')).toEqual({ call: 2, cookie: 'theme=dark; sid=1' });
      expect(await ask('connect.sid=s')).toEqual({ call: 3, cookie: 'connect.sid=s' });
      expect(await ask('theme=dark')).toEqual({ call: 1 });
      expect((await ask('theme=dark', '/seen/1', 'POST')).headers.cookie).toBe('theme=dark');
    } finally {
      await proxy.stop();
    }
  });
});

describe.each(proxies)('a GET with a body behind $name', (kind) => {
  it.each([
    ['a length', { 'content-length': '4' }],
    ['chunks', { 'transfer-encoding': 'chunked' }],
  ])('receives only its own response, with %s', async (_how, framing) => {
    const app = run('cached.mjs');
    const proxy = await kind.start({ upstreams: [`127.0.0.1:${await app.port()}`] });
    try {
      const url = `http://127.0.0.1:${proxy.port}`;
      const headers = { 'content-type': 'text/plain', ...framing };
      await get(url, { path: '/told/1', headers, body: 'evil' });
      expect((await get(url, { path: '/told/1' })).text).toBe('{}');
      await get(url, { path: '/told/1', headers, body: 'evil' });
      const empty = await get(url, { path: '/told/1', headers: { 'content-length': '0' } });
      expect(empty.text).toBe('{}');
      expect(cacheStatuses(String(empty.headers['cache-status'])).at(-1)?.parameters).toMatchObject({
        hit: true,
      });
    } finally {
      await proxy.stop();
    }
  });
});

describe.each(proxies)('errors behind $name', (kind) => {
  let app: Program;
  let appPort: number;
  let proxy: CacheProxy;

  const ask = (path: string) => get(`http://127.0.0.1:${proxy.port}`, { path });
  const broken = (state: 'on' | 'off') =>
    get(`http://127.0.0.1:${appPort}/broken/${state}`, { method: 'POST' });

  async function start(options: object): Promise<void> {
    app = run('cached.mjs');
    appPort = await app.port();
    proxy = await kind.start({ upstreams: [`127.0.0.1:${appPort}`], ...options });
  }

  afterEach(() => proxy.stop());

  it("stale: 'always' sends the stale response instead of an error, whatever its header", async () => {
    await start({ stale: 'always' });
    const path = '/second/1';
    expect(JSON.parse((await ask(path)).text).call).toBe(1);
    await broken('on');
    const asked = async () => Number((await get(`http://127.0.0.1:${appPort}/calls?of=${path}`)).text);
    await until(async () => {
      expect(JSON.parse((await ask(path)).text).call).toBe(1);
      return (await asked()) > 2;
    });
    await broken('off');
    expect(await until(async () => JSON.parse((await ask(path)).text).call > 1)).toBe(true);
  });

  it('without it, an error is sent where the header has no stale-if-error', async () => {
    await start({});
    expect((await ask('/second/1')).status).toBe(200);
    await broken('on');
    const failed = await until(async () => {
      const answer = await ask('/second/1');
      return answer.status !== 200 && answer;
    });
    // it is the app's own
    expect([failed.status, failed.text]).toEqual([500, expect.stringContaining('Internal Server Error')]);
  });
});

describe('Varnish alone', () => {
  let app: Program;
  let proxy: CacheProxy;
  const ask = (path: string, method = 'GET') => get(`http://127.0.0.1:${proxy.port}`, { path, method });

  afterEach(() => proxy.stop());

  async function start(options: object = {}): Promise<void> {
    app = run('cached.mjs');
    proxy = await varnish.start({ upstreams: [`127.0.0.1:${await app.port()}`], ...options });
  }

  it('must-revalidate: no stale response, not even while the app is down', async () => {
    await start();
    expect((await ask('/strict/1')).status).toBe(200);
    app.child.kill('SIGKILL');
    await app.exit();
    expect(await until(async () => (await ask('/strict/1')).status === 503)).toBe(true);
  });

  it('stale-if-error: a stale response is sent instead of an error, and the next success replaces it', async () => {
    await start();
    const port = await app.port();
    const call = async (path: string) => JSON.parse((await ask(path)).text).call;
    expect([await call('/forgiving/1'), await call('/second/1')]).toEqual([1, 1]);
    await get(`http://127.0.0.1:${port}/broken/on`, { method: 'POST' });
    await until(async () => (await ask('/second/1')).status === 500);
    const stale = await ask('/forgiving/1');
    expect([stale.status, JSON.parse(stale.text).call]).toEqual([200, 1]);
    expect(cacheStatuses(String(stale.headers['cache-status'])).at(-1)?.parameters).toMatchObject({
      hit: true,
    });
    await get(`http://127.0.0.1:${port}/broken/off`, { method: 'POST' });
    expect(await until(async () => (await call('/forgiving/1')) > 1)).toBe(true);
  });

  it('its own headers cannot be set by clients, and are not sent', async () => {
    await start();
    const headers = { 'x-stale': 'use', 'x-cache-status': 'evil' };
    const { text } = await get(`http://127.0.0.1:${proxy.port}/seen/1`, { headers });
    expect(text).not.toMatch(/x-stale|x-cache-status|evil/);
    const answer = await ask('/revalidated/1');
    expect(JSON.stringify(answer.headers)).not.toMatch(/x-stale|x-cache-status/);
  });

  it('PURGE removes the stored responses for a URL, for clients that may purge', async () => {
    await start({ purgeFrom: ['127.0.0.0/8'] });
    const call = async () => JSON.parse((await ask('/minute/1')).text).call;
    expect([await call(), await call()]).toEqual([1, 1]);
    expect((await ask('/minute/1', 'PURGE')).status).toBe(200);
    expect(await call()).toBe(2);
  });

  it('PURGE is refused to others', async () => {
    await start({ purgeFrom: ['10.0.0.0/8'] });
    expect((await ask('/minute/1', 'PURGE')).status).toBe(405);
  });

  it('an unhealthy instance receives no requests', async () => {
    const other = run('cached.mjs');
    const gone = await freePort();
    app = other;
    proxy = await varnish.start({ upstreams: [`127.0.0.1:${gone}`, `127.0.0.1:${await other.port()}`] });
    let well = 0;
    await until(async () => {
      well = (await ask('/none/1')).status === 200 ? well + 1 : 0;
      return well === 10;
    });
    expect(well).toBe(10);
  });
});
