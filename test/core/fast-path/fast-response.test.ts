import http from 'node:http';
import type { Application, Response } from 'express';
import { productionize, restoreApp } from '../../../src/index.js';
import { takesText } from '../../../src/support/symbols.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

type Answer = (res: Response) => unknown;
type Senders = { json(value: unknown): Response; send(body: unknown): Response };

const plain: Record<string, Answer> = {
  'an object': (res) => res.json({ a: 1, text: 'plain' }),
  'text that is not ASCII': (res) => res.json({ name: 'Zoë — 漢字 — 🙂' }),
  null: (res) => res.json(null),
  'a string as JSON': (res) => res.json('text'),
  'undefined as JSON': (res) => res.json(undefined),
  'a type that was set before': (res) => res.type('application/problem+json').json({ title: 'no' }),
  'a type without a slash': (res) => res.set('Content-Type', 'html').send('x'),
  'a type with parameters': (res) => res.set('Content-Type', 'text/plain; Charset=latin1; a=b').send('ä'),
  'a type that is no type': (res) => res.setHeader('Content-Type', 'not a type;;').send('x'),
  'an empty type': (res) => res.setHeader('Content-Type', '').send('x'),
  HTML: (res) => res.send('<p>hello</p>'),
  'an empty text': (res) => res.send(''),
  'a text above 1000 characters': (res) => res.send('long '.repeat(400)),
  'a text of 100 KB that is not ASCII': (res) => res.send('ö'.repeat(50_000)),
  'lone surrogates': (res) => res.send('\ud800 and \udfff'),
  'a tag of its own': (res) => res.set('ETag', '"own"').json({ a: 1 }),
  'status 204': (res) => res.status(204).json({ a: 1 }),
  'status 205': (res) => res.status(205).send('text'),
  'status 304': (res) => res.status(304).send('text'),
  'status 500': (res) => res.status(500).json({ a: 1 }),
  bytes: (res) => res.send(Buffer.from('bytes')),
  'an object through send': (res) => res.send({ a: [1, { b: 2 }] }),
  'true through send': (res) => res.send(true),
  'a declared Transfer-Encoding': (res) => res.set('Transfer-Encoding', 'chunked').send('text'),
  'a hook on res.end': (res) => {
    const { end } = res;
    res.end = function hooked(this: Response, chunk?: unknown, ...rest: unknown[]) {
      this.setHeader('X-Chunk', Buffer.isBuffer(chunk) ? 'bytes' : typeof chunk);
      return Reflect.apply(end, this, [chunk, ...rest]);
    } as Response['end'];
    res.json({ a: 1 });
  },
  'a hook on res.send': (res) => {
    const { send } = res;
    res.send = function hooked(this: Response, body?: unknown) {
      return send.call(this, String(body).toUpperCase());
    } as Response['send'];
    res.json({ a: 1 });
  },
  'a hook on res.set': (res) => {
    const { set } = res;
    res.set = function hooked(this: Response, ...args: unknown[]) {
      this.setHeader('X-Seen', String(args[0]));
      return Reflect.apply(set, this, args);
    } as Response['set'];
    res.json({ a: 1 });
  },
  'a hook on res.writeHead': (res) => {
    const { writeHead } = res;
    res.writeHead = function hooked(this: Response, ...args: unknown[]) {
      this.setHeader('X-Late', String(this.getHeader('Content-Length')));
      return Reflect.apply(writeHead, this, args);
    } as Response['writeHead'];
    res.json({ a: 1 });
  },
};

const settings: Record<string, (app: Application) => void> = {
  'as they are': () => {},
  'json spaces': (app) => app.set('json spaces', 2),
  'json escape': (app) => app.set('json escape', true),
  'json replacer': (app) =>
    app.set('json replacer', (key: string, value: unknown) => (key === 'a' ? 9 : value)),
  'strong ETags': (app) => app.set('etag', 'strong'),
  'no ETags': (app) => app.set('etag', false),
  'ETags of its own': (app) => app.set('etag', (body: unknown) => `"${Buffer.isBuffer(body)}"`),
};

const requests: [name: string, method: string, headers: Record<string, string>][] = [
  ['GET', 'GET', {}],
  ['HEAD', 'HEAD', {}],
  ['POST', 'POST', {}],
  ['If-None-Match: *', 'GET', { 'If-None-Match': '*' }],
  ['If-Modified-Since', 'GET', { 'If-Modified-Since': new Date(0).toUTCString() }],
  ['no-cache', 'GET', { 'If-None-Match': '*', 'Cache-Control': 'no-cache' }],
];

const names = Object.keys(plain);

function routes(app: Application): Application {
  names.forEach((name, index) => {
    app.all(`/${index}`, (_req, res) => {
      try {
        (plain[name] as Answer)(res);
      } catch (error) {
        res.writeHead(500, { 'Content-Type': 'text/plain' }).end(String(error));
      }
    });
  });
  return app;
}

// to open a connection takes longer than what it is opened for
const agent = new http.Agent({ keepAlive: true });

afterEach(closeAll);
afterAll(() => agent.destroy());

/** Everything but what each answer has anew, or has from other parts. */
async function ask(url: string, method: string, headers: Record<string, string>) {
  const { status, headers: received, text } = await get(url, { agent, method, headers });
  const kept = Object.entries(received).filter(
    ([name]) => !/^(date|x-request-id|keep-alive|connection|vary)$/.test(name),
  );
  return { status, headers: kept, text };
}

describe.each(expressVersions)('responses of a productionized app on %s', (version, express) => {
  // Express 4 sends a length beside the declared coding, which no client takes
  const known = names.filter((name) => version === 'Express 5' || name !== 'a declared Transfer-Encoding');

  test.each(Object.keys(settings))('are those of Express, byte for byte: settings %s', async (name) => {
    const set = settings[name] as (app: Application) => void;
    const bare = routes(express());
    const ours = routes(express());
    for (const app of [bare, ours]) {
      app.disable('x-powered-by');
      set(app);
    }
    productionize(ours, { ...quiet(), bodyGuard: false });
    const [expected, got] = [await serve(bare), await serve(ours)];
    for (const [, method, headers] of requests) {
      const all = async (url: string) => {
        const answers: object[] = [];
        for (const what of known) {
          const to = `${url}/${names.indexOf(what)}`;
          // twice: the first answer of a type asks Express
          for (const turn of [1, 2]) answers.push({ what, turn, ...(await ask(to, method, headers)) });
        }
        return answers;
      };
      const [theirs, own] = await Promise.all([all(expected.url), all(got.url)]);
      expect({ method, headers, answers: own }).toEqual({ method, headers, answers: theirs });
    }
  });

  test('take the plain way: text reaches an `end` that takes it, without a copy as bytes', async () => {
    const seen: string[] = [];
    const app = express();
    app.use((_req, res, next) => {
      const { end } = res;
      const hooked = function hooked(this: Response, chunk?: unknown, ...rest: unknown[]) {
        seen.push(typeof chunk);
        return Reflect.apply(end, this, [chunk, ...rest]);
      };
      res.end = Object.assign(hooked, { [takesText]: true }) as Response['end'];
      next();
    });
    app.get('/json', (_req, res) => res.json({ a: 1 }));
    app.get('/text', (_req, res) => res.send('text'));
    app.get('/bytes', (_req, res) => res.send('bytes: ö'));
    productionize(app, quiet());
    const { url } = await serve(app);
    for (const path of ['/json', '/text', '/bytes']) await get(url + path);
    expect(seen).toEqual(['string', 'string', 'object']);
  });

  test('do not replace functions that an app put on its response', async () => {
    const app = express();
    app.disable('x-powered-by');
    (app as unknown as { response: Response }).response.json = function own(this: Response) {
      return this.send('own');
    } as never;
    app.get('/', (_req, res) => res.json({ a: 1 }));
    productionize(app, quiet());
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('own');
  });

  test.each<[string, (methods: Senders) => Record<string, unknown>]>([
    [
      'wraps res.json, with the words "json replacer" in its text',
      ({ json }) => ({
        json: function json_(this: Response, value: unknown) {
          this.setHeader('X-Own', 'json replacer');
          return json.call(this, value);
        },
      }),
    ],
    [
      'wraps res.send without an effect on the response',
      ({ send }) => ({
        send: function send_(this: Response, body: unknown) {
          this.app.emit('own', 'etag fn');
          return send.call(this, body);
        },
      }),
    ],
    [
      'does the work of res.json with its settings',
      () => ({
        json: function json_(this: Response, value: unknown) {
          const [replacer, spaces] = [this.app.get('json replacer'), this.app.get('json spaces')];
          this.app.get('json escape');
          if (!this.get('Content-Type')) this.set('Content-Type', 'application/json');
          this.set('X-Own', 'yes');
          return this.send(JSON.stringify(value, replacer, spaces));
        },
      }),
    ],
  ])('do not bypass a function on express.response that %s', async (_title, replace) => {
    const { response } = express as unknown as { response: Senders };
    const { json, send } = response;
    try {
      Object.assign(response, replace(response));
      const app = express();
      let emitted = 0;
      app.on('own' as 'mount', () => emitted++);
      app.get('/json', (_req, res) => res.json({ a: 1 }));
      app.get('/text', (_req, res) => res.send('text'));
      productionize(app, { ...quiet(), streamErrors: false });
      const { url } = await serve(app);
      emitted = 0;
      const { headers } = await get(`${url}/json`);
      await get(`${url}/text`);
      expect([headers['x-own'] !== undefined, emitted]).toEqual(
        response.send === send ? [true, 0] : [false, 2],
      );
    } finally {
      Object.assign(response, { json, send });
    }
  });

  test('are sent by the fast methods on an app whose functions are Express’s own', async () => {
    const app = productionize(express(), quiet());
    await serve(app);
    const { response } = app as unknown as { response: Response };
    const ofAllApps = (express as unknown as { response: Response }).response;
    expect([response.json === ofAllApps.json, response.send === ofAllApps.send]).toEqual([false, false]);
  });

  test('throw what Express throws, for what has no JSON', async () => {
    const app = express();
    const thrown: unknown[] = [];
    app.get('/', (_req, res) => {
      const cycle: { self?: unknown } = {};
      cycle.self = cycle;
      for (const value of [cycle, 1n]) {
        try {
          res.json(value);
        } catch (error) {
          thrown.push((error as Error).name);
        }
      }
      res.json({ done: true });
      try {
        res.json({ twice: true });
      } catch (error) {
        thrown.push((error as NodeJS.ErrnoException).code);
      }
    });
    productionize(app, quiet());
    const { url } = await serve(app);
    expect(JSON.parse((await get(url)).text)).toEqual({ done: true });
    expect(thrown).toEqual(['TypeError', 'TypeError', 'ERR_HTTP_HEADERS_SENT']);
  });

  test('are Express’s own again after restoreApp', async () => {
    const app = express();
    const before = (app as unknown as { response: Response }).response;
    const { json, send } = before;
    app.get('/', (_req, res) => res.json({ a: 1 }));
    productionize(app, quiet());
    const { url } = await serve(app);
    await get(url);
    restoreApp(app);
    const after = (app as unknown as { response: Response }).response;
    expect(after.json).toBe(json);
    expect(after.send).toBe(send);
  });

  test.each([{}, { streamErrors: false }])(
    'use a method that is replaced on express.response later, %j',
    async (options) => {
      const app = productionize(express(), { ...quiet(), ...options });
      app.get('/json', (_req, res) => res.json({ a: 1 }));
      app.get('/text', (_req, res) => res.send('text'));
      const { url } = await serve(app);
      const body = async (path: string) => (await get(url + path)).text;
      const { response } = express as unknown as { response: Pick<Response, 'json' | 'send'> };
      const { json, send } = response;
      try {
        expect([await body('/json'), await body('/text')]).toEqual(['{"a":1}', 'text']);
        response.json = function stub(this: Response, value) {
          return json.call(this, { data: value });
        } as Response['json'];
        expect(await body('/json')).toBe('{"data":{"a":1}}');
        response.json = json;
        response.send = function stub(this: Response, value) {
          return send.call(this, `${value}+`);
        } as Response['send'];
        expect([await body('/json'), await body('/text')]).toEqual(['{"a":1}+', 'text+']);
        response.send = send;
        expect([await body('/json'), await body('/text')]).toEqual(['{"a":1}', 'text']);
      } finally {
        Object.assign(response, { json, send });
      }
    },
  );
});
