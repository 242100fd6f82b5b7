import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import { type Metrics, metrics, productionize } from '../../../src/index.js';
import { ownFamilies } from '../../../src/middleware/metrics/collect.js';
import { expose } from '../../../src/support/metrics/exposition.js';
import { type ExpressFactory, expressVersions } from '../../helpers/express-versions.js';
import { closeHttp2, serveHttp2 } from '../../helpers/http2.js';
import { quiet } from '../../helpers/memory-log.js';
import { changesBetween, requestsIn } from '../../helpers/scraped.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';

const open: Metrics[] = [];

afterEach(async () => {
  await Promise.all([closeAll(), closeHttp2()]);
  for (const each of open.splice(0)) each.close();
});

const scrape = () => expose(ownFamilies(), undefined).body;

/** Waits until no request is in flight: a client has its response before the server has closed it. */
async function settled(): Promise<void> {
  while (/^http_server_active_requests\{.*\} [1-9]/m.test(scrape())) await new Promise(setImmediate);
}

async function changes(action: () => Promise<unknown>): Promise<Record<string, number>> {
  await settled();
  const before = scrape();
  await action();
  await settled();
  return changesBetween(before, scrape());
}

const requests = async (action: () => Promise<unknown>) => requestsIn(await changes(action));

type Kind = 'alone' | 'productionized';

function arrange(express: ExpressFactory, kind: Kind) {
  const app = express();
  if (kind === 'productionized') productionize(app, { ...quiet(), metrics: { port: 0 } });
  else {
    const middleware = metrics({ port: false, path: '/metrics' });
    open.push(middleware);
    app.use(middleware);
  }
  const orders = express.Router({ mergeParams: true });
  orders.get('/:order', (_req, res) => void res.send('order'));
  app.use('/shops/:shop/orders', orders);
  const odd = express.Router();
  odd.get('/end', (_req, res) => void res.send('end'));
  app.use(/^\/odd-\w+/, odd);
  const twice = express.Router();
  twice.get('/same', (_req, res) => void res.send('same'));
  app.use('/one', twice);
  app.use('/two', twice);
  const sub = express();
  sub.get('/part/:id', (_req, res) => void res.send('part'));
  app.use('/sub', sub);
  app.get('/hello', (_req, res) => void res.send('hello'));
  app.all('/any', (_req, res) => void res.send('any'));
  app.get('/fails', (_req, _res, next) => next(new Error('on purpose')));
  app.get('/status', (_req, res) => void res.sendStatus(503));
  app.get('/hangs', (_req, res) => void res.write('begun'));
  app.get('/never', () => {});
  app.get('/cut', (_req, res) => {
    res.write('begun');
    setImmediate(() => res.destroy(new Error('a source failed')));
  });
  app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => void res.sendStatus(500));
  return app;
}

describe.each(expressVersions)('metrics on %s', (_name, express) => {
  describe.each<Kind>(['alone', 'productionized'])('%s', (kind) => {
    it('counts requests by method, route pattern and status', async () => {
      const { url } = await serve(arrange(express, kind));
      const counted = await requests(async () => {
        for (const path of [
          '/hello',
          '/hello?x=1',
          '/shops/7/orders/8',
          '/shops/9/orders/10',
          '/sub/part/3',
        ]) {
          await get(url + path);
        }
        await get(`${url}/any`, { method: 'POST' });
        await get(`${url}/hello`, { method: 'HEAD' });
        await get(`${url}/nowhere`);
        await get(`${url}/one/same`);
        await get(`${url}/two/same`);
        await get(`${url}/two/same`);
      });
      expect(counted).toEqual({
        'GET /hello 200': 2,
        'GET /shops/:shop/orders/:order 200': 2,
        'GET /sub/part/:id 200': 1,
        'POST /any 200': 1,
        'HEAD /hello 200': 1,
        'GET (no route) 404': 1,
        'GET /one/same 200': 1,
        'GET /two/same 200': 2,
      });
    });

    it('has a star in place of a mount path that is a pattern, whatever a client sends', async () => {
      const { url } = await serve(arrange(express, kind));
      const counted = await requests(async () => {
        for (const id of ['a', 'b', 'c']) await get(`${url}/odd-${id}/end`);
      });
      expect(counted).toEqual({ 'GET /*/end 200': 3 });
    });

    it('adds one series for any number of paths, methods and hosts', async () => {
      const { url, port } = await serve(arrange(express, kind));
      const counted = await requests(async () => {
        for (let at = 0; at < 50; at++) await get(`${url}/x${at}?y=${at}`, { headers: { host: `h${at}` } });
        for (const method of ['PURGE', 'PROPFIND', 'M-SEARCH']) await get(`${url}/any`, { method });
        await raw(port, 'GET //evil"\\label HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        await raw(port, 'GET http://other/hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      });
      expect(counted).toMatchObject({ 'GET (no route) 404': 51, '_OTHER /any 200': 3 });
      expect(scrape()).not.toMatch(/x1|PURGE|evil|h49/);
    });

    it('counts errors by kind, and which responses a client did not wait for', async () => {
      const { url } = await serve(arrange(express, kind));
      const counted = await changes(async () => {
        await get(`${url}/fails`);
        await get(`${url}/status`);
        await get(`${url}/cut`).catch(() => {});
        for (const path of ['/hangs', '/never']) {
          const req = http.get(url + path, { agent: false }).on('error', () => {});
          if (path === '/hangs') await once(req, 'response');
          else await once(req, 'socket').then(([socket]) => once(socket, 'connect'));
          while (!/^http_server_active_requests\{.*\} 1$/m.test(scrape())) await new Promise(setImmediate);
          req.destroy();
          await settled();
        }
      });
      expect(requestsIn(counted)).toMatchObject({ 'GET /hangs 200': 1, 'GET /never ': 1 });
      const method = 'http_request_method="GET"';
      expect(counted).toMatchObject({
        [`http_server_errors_total{http_route="/fails",kind="${kind === 'alone' ? 'status' : 'handler'}"}`]: 1,
        'http_server_errors_total{http_route="/status",kind="status"}': 1,
        'http_server_errors_total{http_route="/cut",kind="response"}': 1,
        [`http_server_aborted_requests_total{${method},http_route="/cut"}`]: 1,
        [`http_server_aborted_requests_total{${method},http_route="/hangs"}`]: 1,
        [`http_server_aborted_requests_total{${method},http_route="/never"}`]: 1,
      });

      expect(counted).not.toHaveProperty(['http_server_errors_total{http_route="/hangs",kind="response"}']);
    });

    it('counts each of several pipelined requests, and the bytes of their bodies', async () => {
      const { port } = await serve(arrange(express, kind));
      const request = (more: string) => `GET /hello HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
      const counted = await changes(() =>
        raw(port, request('') + request('') + request('Connection: close\r\n')),
      );
      expect(requestsIn(counted)).toEqual({ 'GET /hello 200': 3 });
      const sum = 'http_server_response_body_size_bytes_sum{http_request_method="GET",http_route="/hello"}';
      expect(counted[sum]).toBe(3 * 'hello'.length);
    });

    it('does not count an accepted WebSocket, and counts one that is refused', async () => {
      const app = arrange(express, kind);
      const { server, port } = await serve(app);
      server.on('upgrade', (req, socket) => {
        if (req.url === '/accepted') {
          socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
          return;
        }
        const res = new http.ServerResponse(req);
        res.assignSocket(socket as net.Socket);
        res.on('finish', () => socket.end());
        app(req as Request, res as Response);
      });
      const upgrade = (path: string) =>
        raw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
      const counted = await requests(async () => {
        expect(await upgrade('/accepted')).toMatch(/ 101 /);
        expect(await upgrade('/hello')).toMatch(/ 200 /);
      });
      expect(counted).toEqual({ 'GET /hello 200': 1 });
    });
  });

  it('counts a request once, however many parts and apps measure it', async () => {
    const outer = productionize(express(), { ...quiet(), metrics: { port: 0 } });
    const inner = productionize(express(), { ...quiet(), metrics: { port: 0 } });
    const alone = metrics({ port: false });
    open.push(alone);
    inner.use(alone, alone);
    inner.get('/deep', (_req, res) => void res.send('deep'));
    outer.use('/inner', inner);
    const { url } = await serve(outer);
    expect(await requests(() => get(`${url}/inner/deep`))).toEqual({ 'GET /inner/deep 200': 1 });
  });

  it('counts cached responses under their route, and how the cache handled them', async () => {
    const app = productionize(express(), { ...quiet(), metrics: { port: 0 }, cache: true });
    app.get('/cached/:id', (_req, res) => void res.set('Cache-Control', 'public, max-age=60').send('cached'));
    const { url } = await serve(app);
    const counted = await changes(async () => {
      for (let at = 0; at < 3; at++) await get(`${url}/cached/1`);
    });
    expect(requestsIn(counted)).toEqual({ 'GET /cached/:id 200': 3 });
    expect(counted).toMatchObject({
      'productionize_cache_requests_total{result="miss"}': 1,
      'productionize_cache_requests_total{result="hit"}': 2,
    });
  });

  it('counts deadlines that passed', async () => {
    const app = productionize(express(), { ...quiet(), metrics: { port: 0 }, deadline: { afterMs: 20 } });
    app.get('/slow', () => {});
    const { url } = await serve(app);
    const counted = await changes(() => get(`${url}/slow`));
    expect(counted).toMatchObject({
      'productionize_deadlines_total{outcome="expired"}': 1,
      'http_server_errors_total{http_route="/slow",kind="deadline"}': 1,
    });
  });
});

const sizes = (counted: Record<string, number>) =>
  Object.fromEntries(
    Object.entries(counted).flatMap(([name, value]) => {
      const [, what, method] =
        /^http_server_response_body_size_bytes_(sum|count)\{http_request_method="(\w+)"/.exec(name) ?? [];
      return what === undefined ? [] : [[`${method} ${what}`, value]];
    }),
  );

/** A response to each path, as its name states, which announces ten bytes where it can. */
function sized(req: Pick<Request, 'url' | 'method'>, res: http.ServerResponse): void {
  if (req.url !== '/streamed') res.setHeader('Content-Length', 10);
  if (req.url === '/unchanged') res.statusCode = 304;
  const hasBody = req.method !== 'HEAD' && res.statusCode !== 304;
  if (hasBody) res.write('ten ');
  // Node may send two parts of one turn as one
  setImmediate(() => res.end(hasBody ? 'bytes.' : undefined));
}

it('counts the bytes of bodies, and none for HEAD and 304, whose length is announced', async () => {
  const middleware = metrics({ port: false });
  open.push(middleware);
  const handler = (req: Request, res: Response) => middleware(req, res, () => sized(req, res));
  const { url } = await serve(handler as http.RequestListener);
  expect(
    sizes(
      await changes(async () => {
        for (const path of ['/whole', '/streamed', '/unchanged']) await get(url + path);
        await get(`${url}/whole`, { method: 'HEAD' });
      }),
    ),
  ).toEqual({ 'GET count': 3, 'GET sum': 35, 'HEAD count': 1 });
  const { ask } = await serveHttp2(handler as never);
  expect(
    sizes(
      await changes(async () => {
        for (const path of ['/whole', '/unchanged']) await ask(path);
        await ask('/whole', { ':method': 'HEAD' });
      }),
    ),
  ).toEqual({ 'GET count': 2, 'GET sum': 10, 'HEAD count': 1 });
});
