import { once } from 'node:events';
import { Readable } from 'node:stream';
import * as codegenie from '@codegenie/serverless-express';
import * as vendia from '@vendia/serverless-express';
import type { Application } from 'express';
import helmet from 'helmet';
import light from 'light-my-request';
import serverlessHttp from 'serverless-http';
import { productionize } from '../../src/index.js';
import { decoders, prose } from '../helpers/encoding.js';
import { type ExpressFactory, expressVersions } from '../helpers/express-versions.js';
import { memoryLog } from '../helpers/memory-log.js';

interface Reply {
  readonly status: number;
  readonly text: string;
}

interface Result {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly isBase64Encoded?: boolean;
}

type Lambda = (event: object, context: object) => Promise<Result>;

const configure = (module: unknown) =>
  (module as { configure(options: { app: Application }): Lambda }).configure;

function event(method: string, path: string, body: string | undefined) {
  const headers: Record<string, string> = {
    'accept-encoding': 'gzip, br',
    'content-type': 'application/json',
  };
  if (body !== undefined) headers['content-length'] = String(body.length);
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: '',
    headers,
    requestContext: { http: { method, path, sourceIp: '192.0.2.1' }, domainName: 'app.test' },
    httpMethod: method,
    path,
    body,
    isBase64Encoded: false,
  };
}

function reply(status: number, headers: Record<string, unknown>, bytes: Buffer): Reply {
  const decode = decoders[String(headers['content-encoding'] ?? '')];
  return { status, text: (decode ? decode(bytes) : bytes).toString() };
}

const asLambda = (create: (app: Application) => Lambda) => (app: Application) => {
  const handler = create(app);
  return async (method: string, path: string, body?: string): Promise<Reply> => {
    const { statusCode, headers, body: text, isBase64Encoded } = await handler(event(method, path, body), {});
    return reply(statusCode, headers, Buffer.from(text, isBase64Encoded ? 'base64' : 'utf8'));
  };
};

/** The packages that call an app without a server. */
const adapters = {
  'serverless-http': asLambda((app) => serverlessHttp(app as never) as unknown as Lambda),
  '@codegenie/serverless-express': asLambda((app) => configure(codegenie)({ app })),
  '@vendia/serverless-express': asLambda((app) => configure(vendia)({ app })),
  // the last one, since it changes the prototypes of express.request and express.response for all apps
  'light-my-request': (app: Application) => async (method: string, path: string, payload?: string) => {
    const headers = { 'accept-encoding': 'gzip, br', 'content-type': 'application/json' };
    const response = await light(app as never, { method: method as 'GET', url: path, headers, payload });
    return reply(response.statusCode, response.headers, response.rawPayload);
  },
};

function shop(express: ExpressFactory, prepare: (app: Application) => void): Application {
  const app = express();
  app.set('env', 'test');
  prepare(app);
  app.use(helmet());
  const router = express.Router({ mergeParams: true });
  router.get('/items/:id', (req, res) => void res.json(req.params));
  router.get('/text', (_req, res) => void res.type('text').send(prose));
  router.get('/buffer', (_req, res) => void res.type('text').send(Buffer.from(prose)));
  router.get('/parts', (_req, res) => {
    res.type('text').write(prose);
    res.end('the end');
  });
  router.get('/piped', (_req, res) => void Readable.from([prose, 'the end']).pipe(res.type('text')));
  router.get('/later', (_req, res) => void setImmediate(() => res.send('later')));
  router.get('/empty', (_req, res) => void res.status(204).end());
  router.post('/items', express.json(), (req, res) => void res.status(201).json(req.body));
  app.use('/shops/:shop', router);
  return app;
}

const calls: [method: string, path: string, status: number, body?: string][] = [
  ['GET', '/shops/7/items/3', 200],
  ['GET', '/shops/7/text', 200],
  ['GET', '/shops/7/buffer', 200],
  ['GET', '/shops/7/parts', 200],
  ['GET', '/shops/7/piped', 200],
  ['GET', '/shops/7/later', 200],
  ['GET', '/shops/7/empty', 204],
  ['HEAD', '/shops/7/text', 200],
  ['POST', '/shops/7/items', 201, '{"name":"tea"}'],
  ['GET', '/nowhere', 404],
];

describe.each(Object.entries(adapters))('an app behind %s', (_adapter, adapt) => {
  describe.each(expressVersions)('on %s', (_name, express) => {
    it('sends the bytes of the app without the line, and logs each response once, as completed', async () => {
      const { lines, options } = memoryLog();
      const plain = adapt(shop(express, () => {}));
      const ours = adapt(shop(express, (app) => productionize(app, options)));
      for (const [method, path, status, body] of calls) {
        lines.length = 0;
        const { text } = await plain(method, path, body);
        const actual = await ours(method, path, body);
        expect([path, actual.status]).toEqual([path, status]);
        if (status < 400) expect([path, actual.text]).toEqual([path, text]);
        await new Promise((resolve) => setImmediate(resolve));
        expect(lines.map(({ url, outcome, status }) => [url, outcome, status])).toEqual([
          [path, 'completed', status],
        ]);
      }
    });

    it('logs the error of a handler once, with the status of its response', async () => {
      const { lines, options } = memoryLog();
      const app = shop(express, (made) => productionize(made, options));
      app.get('/fails/:id', async () => {
        await once(Readable.from(['x']), 'readable');
        throw new Error('out of stock');
      });
      expect((await adapt(app)('GET', '/fails/1')).status).toBe(500);
      await new Promise((resolve) => setImmediate(resolve));
      expect(lines).toMatchObject([
        {
          level: 50,
          route: '/fails/:id',
          outcome: 'completed',
          status: 500,
          err: { message: 'out of stock' },
        },
      ]);
    });
  });
});
