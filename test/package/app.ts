import { createReadStream } from 'node:fs';
import express, { type ErrorRequestHandler, type NextFunction, type Request, type Response } from 'express';
import {
  bindStreamErrors,
  bodyGuard,
  type CacheControlOptions,
  cacheControl,
  compression,
  currentRequest,
  errorHandler,
  notFound,
  type ProductionizeOptions,
  productionGuard,
  productionize,
  type RequestFields,
  report,
  requestContext,
  requestLogger,
  wrapAsync,
} from 'express-productionize';
import { type NginxCacheOptions, nginxCache, varnishCache } from 'express-productionize/deploy';
import { type LoggedError, serializeError } from 'express-productionize/logging';
import { type RedisStoreClient, redisStore } from 'express-productionize/redis';
import { sharedStoreConformance } from 'express-productionize/store-conformance';
import { notifySystemd } from 'express-productionize/systemd';
import { expectNoSyncIo } from 'express-productionize/testing';

import check = require('./check.cjs');

declare global {
  namespace Express {
    interface Request extends RequestFields {}
  }
}

const options: ProductionizeOptions = {
  compression: { threshold: 2048 },
  requestLogger: false,
  logger: { level: 'silent' },
  fatalErrors: { drainMs: 500 },
};
const ownParts: ProductionizeOptions = {
  compression: (_req, _res, next) => next(),
  requestLogger: (req, _res, next) => (req.path === '/' ? next() : next('route')),
  errorHandler: (error: Error, _req, res, _next) => void res.status(500).send(error.message),
};
productionize(express(), ownParts);
const app = productionize(express(), options);
const parts: string[] = report(app)?.parts.map(({ name }) => name) ?? [];
if (parts.length === 0) throw new Error('no report');

app.param(
  'id',
  wrapAsync(async (_req: Request, _res: Response, next: NextFunction, id: string) => {
    await Promise.resolve(id.length);
    next();
  }),
);
app.get(
  '/users/:id',
  wrapAsync(async (req, res) => {
    const id = String(req.params.id);
    const log = req.log;
    log.info({ id: req.id, also: currentRequest()?.id }, id);
    const answer: string = await new Promise((resolve) => resolve(id));
    res.json({ answer, aborted: req.signal.aborted });
  }),
);
const policy: CacheControlOptions = { maxAge: 60, staleWhileRevalidate: 86_400 };
app.get('/news', cacheControl(policy), (_req, res) => {
  res.json({ kept: cacheControl.header(policy) });
});
const proxy: NginxCacheOptions = { upstreams: ['127.0.0.1:3000'], sessionCookies: ['sid'] };
const files: string[] = [nginxCache(proxy), varnishCache({ ...proxy, purgeFrom: ['127.0.0.1'] })];
if (files.includes('')) throw new Error('no configuration');
app.get('/file', (_req, res, next) => {
  const source = createReadStream('file');
  bindStreamErrors(source, res, next);
  source.pipe(res);
});

const alone = express();
alone.use(
  requestContext(),
  requestLogger({ headers: ['user-agent'] }),
  productionGuard(alone),
  compression(),
  bodyGuard(),
);
const recover: ErrorRequestHandler = wrapAsync(
  async (err: Error, _req: Request, res: Response, _next: NextFunction) => {
    await Promise.resolve();
    res.status(500).send(err.message);
  },
);
alone.use(recover, notFound(), errorHandler({ exposeStack: false }));

// cases for a runner of one's own; there is no redis here
const cases = (client: RedisStoreClient) =>
  sharedStoreConformance.map(({ run }) => run(redisStore({ client }), redisStore({ client })));
if (cases.length !== 1) throw new Error('no cases');
const logged: LoggedError = serializeError(new Error('x'));
const notified: boolean = notifySystemd({ STATUS: logged.message });
const result: Promise<number> = expectNoSyncIo(() => 1);
result.catch(() => notified);

check(app);
