import type { Express, NextFunction, Request, Response } from 'express';
import request from 'supertest';
import { productionize } from '../../../src/index.js';
import { type AnyFunction, type Layer, routerOf, walkLayers } from '../../../src/support/express-layers.js';
import { type ExpressFactory, expressVersions } from '../../helpers/express-versions.js';
import { memoryLog } from '../../helpers/memory-log.js';

const quiet = { fatalErrors: false, gracefulShutdown: false, logger: { level: 'silent' } } as const;

type Methods = Record<string, (this: Layer, ...args: unknown[]) => unknown>;

/** What a tracing agent does when Express is loaded: it wraps the methods of every layer. */
function traceLayers(express: ExpressFactory) {
  const app = express();
  app.use((_req, _res, next) => next());
  const prototype: Methods = Object.getPrototypeOf(routerOf(app).stack[0]);
  const spans: string[] = [];
  const known = new WeakSet<Layer>();
  for (const name of ['handle_request', 'handle_error', 'handleRequest', 'handleError']) {
    const original = prototype[name];
    if (original === undefined) continue;
    prototype[name] = function traced(...args) {
      spans.push(`${this.name}${known.has(this) ? '' : ', not the layer itself'}`);
      return original.apply(this, args);
    };
  }
  return { spans, known };
}

describe.each(expressVersions)('%s', (name, express) => {
  const { spans, known } = traceLayers(express);

  function build(): Express {
    const app = express();
    app.set('env', 'test');
    app.use(function first(_req: Request, _res: Response, next: NextFunction) {
      next();
    });
    app.get('/users/:id', function user(req, res) {
      res.json(req.params);
    });
    app.get('/fails', function fails() {
      throw undefined;
    });
    app.get('/rejects', async function rejects(_req, _res, next) {
      if (name === 'Express 4') next(new Error('rejected'));
      else throw new Error('rejected');
    });
    const inner = express.Router();
    inner.get('/:part', function part(req, res) {
      res.json(req.params);
    });
    app.use('/shops/:shop', inner);
    app.use(function failed(_error: unknown, _req: Request, res: Response, _next: NextFunction) {
      res.status(500).end();
    });
    walkLayers(routerOf(app), (layer) => known.add(layer));
    return app;
  }

  async function spansOf(app: Express, path: string): Promise<string[]> {
    spans.length = 0;
    await request(app).get(path);
    return [...spans];
  }

  it('calls the methods of a layer that an agent has replaced before, on the layer itself', async () => {
    for (const path of ['/users/7', '/rejects', '/shops/1/2']) {
      const expected = await spansOf(build(), path);
      const app = productionize(build(), quiet);
      // the first request calls the methods once more, to see whether they are Express's own
      await request(app).get('/users/0');
      expect(await spansOf(app, path)).toEqual(expected);
      expect(expected.length).toBeGreaterThan(2);
    }
  });

  it('keeps its own promises where the methods are replaced: a thrown undefined is an error, handlers stay', async () => {
    const app = productionize(build(), quiet);
    const handles: unknown[] = [];
    walkLayers(routerOf(app), ({ handle }) => handles.push(handle));
    expect((await request(app).get('/fails')).status).toBe(500);
    await request(app).get('/users/7').expect(200, { id: '7' });
    const after: unknown[] = [];
    walkLayers(routerOf(app), ({ handle }) => after.push(handle));
    expect(after).toEqual(handles);
  });

  it('passes its final errors to an error handler that an agent has replaced when a router added it', async () => {
    const methods = (name === 'Express 4' ? express.Router : express.Router.prototype) as unknown as {
      use(this: { stack: { handle: AnyFunction }[] }, ...args: unknown[]): unknown;
    };
    const { use } = methods;
    const seen: unknown[] = [];
    methods.use = function (...args) {
      const result = use.apply(this, args);
      const layer = this.stack.at(-1);
      const handle = layer?.handle;
      if (layer && handle?.length === 4) {
        layer.handle = function reporting(...args: unknown[]) {
          seen.push(args[0]);
          return handle.apply(this, args);
        };
      }
      return result;
    };
    try {
      const error = new Error('no handler of the app');
      const app = productionize(express(), quiet);
      app.get('/fails', (_req, _res, next) => next(error));
      await request(app).get('/fails').expect(500);
      expect(seen).toEqual([error]);
    } finally {
      methods.use = use;
    }
  });

  it('logs the route as it was written, whatever the values of its parameters are', async () => {
    const log = memoryLog();
    const app = express();
    const router = express.Router();
    router.get('/:id', (_req, res) => res.end());
    router.get('/:id/:part', (_req, res) => res.end());
    app.use('/v7', router);
    const items = express.Router({ mergeParams: true });
    items.get('/:item', (_req, res) => res.end());
    app.use('/shops/:shop/items', items);
    app.use(['/old', '/older'], router);
    productionize(app, { ...quiet, ...log.options });
    const routes: Record<string, string> = {
      '/v7/8': '/v7/:id',
      '/v7/v7': '/v7/:id',
      '/V7/v7/v7': '/v7/:id/:part',
      '/shops/1/items/1': '/shops/:shop/items/:item',
      '/shops/items/items/shops': '/shops/:shop/items/:item',
      '/old/2': '/old/:id',
    };
    for (const [path, route] of Object.entries(routes)) {
      await request(app).get(path).expect(200);
      const line = await log.line(({ url }) => url === path);
      expect(line.route).toBe(route);
    }
  });

  it('responds to a request that a handler forwards inside the app as to one from a client', async () => {
    const app = productionize(express(), quiet);
    app.get('/throws', () => {
      throw new Error('the password is swordfish');
    });
    app.get('/forward/:to', (req, res) => {
      req.url = `/${req.params.to}`;
      (app as unknown as { handle(...args: unknown[]): void }).handle(req, res);
    });
    for (const to of ['throws', 'unknown']) {
      const direct = await request(app).get(`/${to}`);
      const forwarded = await request(app).get(`/forward/${to}`);
      expect(forwarded.status).toBe(direct.status);
      for (const header of ['content-type', 'cache-control']) {
        expect(forwarded.headers[header]).toBe(direct.headers[header]);
      }
    }
  });

  it.each([
    ['tries only the layers that may match, however many routes an app has', {}, 2],
    ['tries all layers with fastPath: false', { fastPath: false }, 400],
  ])('%s', async (_title, options, most) => {
    const app = express();
    for (let index = 0; index < 400; index++) {
      app.get(`/api/things${index}/:id`, (req, res) => {
        res.json(req.params);
      });
    }
    productionize(app, { ...quiet, ...options, healthChecks: false });
    const prototype = Object.getPrototypeOf(routerOf(app).stack.at(-1));
    const { match } = prototype;
    await request(app).get('/api/things399/7').expect(200, { id: '7' });
    let calls = 0;
    prototype.match = function counted(this: Layer, path: string) {
      calls++;
      return match.call(this, path);
    };
    try {
      await request(app).get('/api/things399/7').expect(200, { id: '7' });
    } finally {
      prototype.match = match;
    }
    expect(calls).toBeGreaterThan(0);
    expect(calls).toBeLessThanOrEqual(most + 2);
    expect(calls).toBeGreaterThanOrEqual(most - 1);
  });
});
