import { once } from 'node:events';
import http from 'node:http';
import { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import { type CacheStore, compression, memoryStore, responseCache } from '../../../src/index.js';
import type { PurgeSelection } from '../../../src/middleware/response-cache/cache-store.js';
import { cachedApps, minute } from '../../helpers/cached.js';
import { deferred } from '../../helpers/deferred.js';
import { accept, decoded, prose } from '../../helpers/encoding.js';
import { closeHttp2, serveHttp2 } from '../../helpers/http2.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);
afterEach(closeHttp2);

/** A store whose purges end when a test ends them. */
function slowStore() {
  const memory = memoryStore();
  const purged = deferred<PurgeSelection>();
  const go = deferred<void>();
  const store: CacheStore = {
    get: (key) => memory.get(key),
    set: (key, entry) => memory.set(key, entry),
    async purge(selection) {
      purged.resolve(selection);
      await go.promise;
      return memory.purge(selection);
    },
  };
  return { store, purged, go };
}

describe.each(cachedApps)('the response to an unsafe method on %s', (_name, make) => {
  async function serveWrites(write: (req: Request, res: Response) => unknown, compressed = false) {
    const { store, purged, go } = slowStore();
    const { app } = make({ store, storeTimeoutMs: 60_000 });
    if (compressed) app.use(compression());
    app.get('/page', (_req, res) => void res.set('Cache-Control', minute).send('page'));
    app.post('/page', (req, res) => void write(req, res));
    const { url } = await serve(app);
    return { url: `${url}/page`, purged, go };
  }

  const ways: [string, (req: Request, res: Response) => unknown, status: number, text: string][] = [
    ['json', (_req, res) => res.status(201).json({ done: true }), 201, '{"done":true}'],
    ['sendStatus', (_req, res) => res.sendStatus(204), 204, ''],
    ['redirect', (_req, res) => res.redirect(303, '/page'), 303, 'See Other. Redirecting to /page'],
    ['end without a length', (_req, res) => res.end('done', 'utf8'), 200, 'done'],
    [
      'writeHead, write and end',
      (_req, res) => {
        res.writeHead(202, { 'Content-Type': 'text/plain' });
        res.write('do');
        res.write('ne', () => res.end());
      },
      202,
      'done',
    ],
    ['a stream', (_req, res) => Readable.from(['do', 'ne']).pipe(res), 200, 'done'],
    [
      'flushHeaders',
      (_req, res) => {
        res.flushHeaders();
        setImmediate(() => res.end('done'));
      },
      200,
      'done',
    ],
  ];

  it.each(ways)('is sent when the purge is done: %s', async (_way, write, status, text) => {
    const { url, purged, go } = await serveWrites(write);
    const request = http.request(url, { method: 'POST', agent: false }).end();
    const response = once(request, 'response') as Promise<[http.IncomingMessage]>;
    expect(await purged.promise).toEqual({ key: expect.stringContaining('/page') });
    // another request and its response take longer than the held response would
    expect((await get(url)).text).toBe('page');
    expect(await Promise.race([response, get(url).then(() => 'held')])).toBe('held');
    go.resolve();
    const [message] = await response;
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk);
    expect([message.statusCode, Buffer.concat(chunks).toString()]).toEqual([status, text]);
  });

  it('is encoded as without the delay', async () => {
    const { url, go } = await serveWrites((_req, res) => res.type('text').send(prose), true);
    go.resolve();
    const sent = await get(url, { method: 'POST', ...accept('gzip') });
    expect(sent.headers['content-encoding']).toBe('gzip');
    expect(decoded(sent)).toBe(prose);
  });

  it('is in the state of a response that was sent while it is held', async () => {
    const states: unknown[] = [];
    const { url, go } = await serveWrites((_req, res) => {
      res.json({ first: true });
      states.push(res.headersSent, res.writableEnded);
      const ended = deferred<void>();
      res.end('ignored', () => ended.resolve());
      res.write('ignored', (error) => states.push((error as NodeJS.ErrnoException).code));
      for (const late of [() => res.json({ second: true }), () => res.set('X-Late', 'yes')]) {
        try {
          late();
        } catch (error) {
          states.push((error as NodeJS.ErrnoException).code);
        }
      }
      setImmediate(go.resolve);
      void ended.promise.then(() => states.push(res.writableEnded, res.writableFinished));
    });
    const sent = await get(url, { method: 'POST' });
    expect(sent).toMatchObject({ status: 200, text: '{"first":true}', cut: false });
    expect(sent.headers).not.toHaveProperty('x-late');
    const code = 'ERR_HTTP_HEADERS_SENT';
    expect(states).toEqual([true, true, code, code, 'ERR_STREAM_WRITE_AFTER_END', true, true]);
  });

  it('is not held when it is an error', async () => {
    const { url } = await serveWrites((_req, res) => res.status(409).send('conflict'));
    expect(await get(url, { method: 'POST' })).toMatchObject({ status: 409, text: 'conflict' });
  });

  it('is held no longer than one call of the store may take', async () => {
    const { store } = slowStore();
    const { app } = make({ store, storeTimeoutMs: 50 });
    app.post('/page', (_req, res) => void res.send('done'));
    const { url } = await serve(app);
    expect(await get(`${url}/page`, { method: 'POST' })).toMatchObject({ status: 200, text: 'done' });
  });

  it('a response that another process purges is not shared with later requests', async () => {
    const listeners: ((selection: PurgeSelection) => void)[] = [];
    const store = Object.assign(memoryStore(), {
      onPurge: (one: (typeof listeners)[0]) => void listeners.push(one),
    });
    const { app } = make({ store });
    const gates = [deferred<void>(), deferred<void>()];
    let calls = 0;
    app.get('/page', async (_req, res) => {
      const call = calls++;
      app.emit('call');
      await gates[call]?.promise;
      res.set('Cache-Control', minute).send(`call ${call}`);
    });
    const { url } = await serve(app);
    const called = once(app, 'call');
    const before = get(`${url}/page`);
    await called;
    for (const listener of listeners) listener({ prefix: '' });
    const calledAgain = once(app, 'call');
    const after = get(`${url}/page`);
    gates[0]?.resolve();
    gates[1]?.resolve();
    await calledAgain;
    expect([(await before).text, (await after).text]).toEqual(['call 0', 'call 1']);
  });
});

it('holds a response over HTTP/2', async () => {
  const { store, purged, go } = slowStore();
  const cache = responseCache({ store, storeTimeoutMs: 60_000 });
  const states: boolean[] = [];
  const { ask } = await serveHttp2((req, res, next) =>
    cache(req, res, () => {
      if (req.method === 'GET') return next();
      res.statusCode = 201;
      res.setHeader('X-Name', 'value');
      res.end('done');
      states.push(res.headersSent, res.writableEnded);
    }),
  );
  const sent = ask('/page', { ':method': 'POST' });
  await purged.promise;
  const other = ask('/other').then(() => 'held');
  expect(await Promise.race([sent, other])).toBe('held');
  go.resolve();
  expect(await sent).toMatchObject({ status: 201, text: 'done', headers: { 'x-name': 'value' }, code: 0 });
  expect(states).toEqual([true, true]);
});
