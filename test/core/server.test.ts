import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http, { IncomingMessage, type Server, ServerResponse } from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Application, NextFunction, Request, Response } from 'express';
import { createServer, productionize, report } from '../../src/index.js';
import { deferred } from '../helpers/deferred.js';
import { expressVersions } from '../helpers/express-versions.js';
import { quiet } from '../helpers/memory-log.js';
import { itNeeds } from '../helpers/needs.js';
import { closeAll, get, serve } from '../helpers/serve.js';

const servers = new Set<Server>();

afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers.clear();
  await closeAll();
});

async function started(server: Server): Promise<string> {
  servers.add(server);
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(expressVersions)('createServer on %s', (_name, express) => {
  it('constructs requests and responses with the prototypes of the app', async () => {
    const app = express();
    (app.request as unknown as { early(): string }).early = () => 'early';
    const server = createServer(app);
    (app.response as unknown as { late(): string }).late = () => 'late';
    const seen: unknown[] = [];
    server.prependListener('request', (req, res) => {
      seen.push(Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response);
    });
    app.get('/', (req, res) => {
      seen.push(
        req instanceof IncomingMessage,
        res instanceof ServerResponse,
        req.app === app,
        res.app === app,
      );
      const { early } = req as never as { early(): string };
      const { late } = res as never as { late(): string };
      res.json([early(), late(), req.path, req.query, res.locals]);
    });
    const url = await started(server);
    expect((await get(`${url}/?a=1`)).text).toBe('["early","late","/",{"a":"1"},{}]');
    expect(seen).toEqual([true, true, true, true, true, true]);
  });

  it('serves sub-apps with their own prototypes, and gives the parent its own back', async () => {
    const app = express();
    const sub = express();
    (sub.request as unknown as { where(): string }).where = () => 'sub';
    sub.get(
      '/',
      (req, res) => void res.send(`${(req as never as { where(): string }).where()} ${req.app === sub}`),
    );
    app.use('/sub', sub);
    app.use((req: Request, res: Response) => void res.send(String(req.app === app && !('where' in req))));
    const url = await started(createServer(app));
    expect((await get(`${url}/sub`)).text).toBe('sub true');
    expect((await get(`${url}/sub/none`)).text).toBe('true');
  });

  it('lets sub-apps that were mounted before see what is added to the parent later', async () => {
    const app = express();
    const sub = express();
    sub.get('/', (req, res) => void res.send((req as never as { late(): string }).late()));
    app.use('/sub', sub);
    const server = createServer(app);
    (app.request as unknown as { late(): string }).late = () => 'late';
    expect((await get(`${await started(server)}/sub`)).text).toBe('late');
  });

  it('mounts an app that served alone before', async () => {
    const sub = express();
    sub.get('/', (req, res) => void res.send(String(req.app === sub)));
    await get(await started(createServer(sub)));
    const app = express();
    app.use('/sub', sub);
    expect((await get(`${await started(createServer(app))}/sub`)).text).toBe('true');
  });

  it.each([0, 1, 100, 4096, 4097, 100_000])('sends %d random bytes unchanged', async (length) => {
    const body = randomBytes(length);
    const app = express();
    app.get('/send', (_req, res) => void res.send(body));
    app.get('/end', (_req, res) => void res.end(body));
    app.get('/parts', (_req, res) => {
      res.write(body);
      res.end(body);
    });
    const url = await started(createServer(app));
    expect((await get(`${url}/send`)).body.equals(body)).toBe(true);
    expect((await get(`${url}/end`)).body.equals(body)).toBe(true);
    expect((await get(`${url}/parts`)).body.equals(Buffer.concat([body, body]))).toBe(true);
    const head = await get(`${url}/send`, { method: 'HEAD' });
    expect([head.headers['content-length'], head.body.length]).toEqual([String(length), 0]);
  });

  it('supports the forms of res.end: text, callback, encoding', async () => {
    const called = deferred();
    const app = express();
    app.get('/callback', (_req, res) => void res.end(Buffer.from('é'), () => called.resolve()));
    app.get('/encoding', (_req, res) => void res.end('w6k=', 'base64'));
    app.get('/nothing', (_req, res) => void res.end(() => {}));
    const url = await started(createServer(app));
    expect((await get(`${url}/callback`)).text).toBe('é');
    await called.promise;
    expect((await get(`${url}/encoding`)).text).toBe('é');
    expect((await get(`${url}/nothing`)).status).toBe(200);
  });

  it('keeps idle connections open longer than load balancers do, and takes options', () => {
    expect(createServer(express()).keepAliveTimeout).toBe(65_000);
    expect(createServer(express(), { keepAliveTimeout: 5000 }).keepAliveTimeout).toBe(5000);
    expect(createServer(express(), { requestTimeout: 7000 }).requestTimeout).toBe(7000);
  });

  it.each<[string, (app: Application) => Server]>([
    ['http.createServer(app)', (app) => http.createServer(app)],
    ['https.createServer(app)', (app) => https.createServer(app)],
  ])('knows %s from listen on, before its first request', async (_form, create) => {
    const app = productionize(express(), quiet());
    const server = create(app);
    const slow = create(app);
    slow.keepAliveTimeout = 3000;
    await started(server);
    await started(slow);
    expect([server.keepAliveTimeout, slow.keepAliveTimeout]).toEqual([65_000, 3000]);
    expect(report(app)?.servers).toHaveLength(2);
  });

  it('leaves alone a server of Node that has no app of ours, and one with a handler in front of it', async () => {
    const app = productionize(express(), quiet());
    const others = [
      http.createServer((_req, res) => void res.end()),
      http.createServer((req, res) => app(req, res)),
    ];
    for (const server of others) {
      await started(server);
      expect(server.keepAliveTimeout).toBe(5000);
    }
    expect(report(app)?.servers).toEqual([]);
  });

  itNeeds('openssl')('serves https', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tls-'));
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout ${key} -out ${cert}`;
    execFileSync('openssl', request.split(' '), { stdio: 'ignore' });
    const app = productionize(express(), quiet());
    app.get('/', (req, res) => void res.send(`${req.protocol} ${req.app === app}`));
    const server = createServer(app, { tls: { key: readFileSync(key), cert: readFileSync(cert) } });
    rmSync(folder, { recursive: true });
    expect(server).toBeInstanceOf(https.Server);
    const url = (await started(server)).replace('http:', 'https:');
    const [res] = (await once(https.get(url, { rejectUnauthorized: false, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    expect((await res.setEncoding('utf8').toArray()).join('')).toBe('https true');
  });

  it('states what it expected when it gets no app', () => {
    for (const wrong of [undefined, {}, () => {}]) {
      expect(() => createServer(wrong as never)).toThrow(/createServer: expected an Express app/);
    }
  });

  it('passes upgrades to the listener of the server', async () => {
    const server = createServer(productionize(express(), quiet()));
    server.on('upgrade', (_req, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nhello'));
    const { port } = new URL(await started(server));
    const socket = connect(Number(port), '127.0.0.1');
    socket.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    expect(String(await socket.toArray())).toContain('hello');
  });
});

describe.each(expressVersions)('app.listen of a productionized app on %s', (_name, express) => {
  it('takes port, host and callback, and returns a fast server', async () => {
    const listening = deferred();
    const app = productionize(express(), quiet());
    const server = app.listen(0, '127.0.0.1', () => listening.resolve());
    servers.add(server);
    await listening.promise;
    app.get('/', (req, res) => void res.send(String(Object.getPrototypeOf(req) === app.request)));
    expect((await get(await started(server))).text).toBe('true');
  });

  it.each(['weak', 'strong', false, () => '"own"'])(
    'computes ETags as Express does with the setting %p',
    async (setting) => {
      const bodies = ['', 'a', 'é'.repeat(10), 'x'.repeat(5000), Buffer.from([0, 255, 128])];
      const plain = express();
      const ours = productionize(express(), { ...quiet(), compression: false });
      const answers = await Promise.all(
        [plain, ours].map(async (app) => {
          app.set('etag', setting);
          app.get('/:at', (req, res) => void res.send(bodies[Number(req.params.at)]));
          const { url } = await serve(http.createServer(app).listeners('request')[0] as http.RequestListener);
          return Promise.all(bodies.map(async (_body, at) => (await get(`${url}/${at}`)).headers.etag));
        }),
      );
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[1]?.[1]).toEqual(setting === false ? undefined : expect.any(String));
    },
  );

  it('lets a later etag setting win', async () => {
    const app = productionize(express(), quiet());
    app.get('/', (_req, res) => void res.send('a'));
    app.use((_req: Request, _res: Response, next: NextFunction) => next());
    const { url } = await serve(app);
    expect((await get(url)).headers.etag).toMatch(/^W\//);
    app.set('etag', false);
    expect((await get(url)).headers).not.toHaveProperty('etag');
  });
});
