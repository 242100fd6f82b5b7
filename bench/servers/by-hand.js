// What the guide requires, put together from the packages most apps use, with their defaults.
import closeWithGrace from 'close-with-grace';
import compression from 'compression';
import pinoHttp from 'pino-http';
import { addRoutes, expressOf } from './express-app.js';

export async function start(_options, load) {
  const express = await expressOf(5);
  const app = express();
  const { logger } = pinoHttp();
  app.use(pinoHttp({ logger }));
  if (load.compression) app.use(compression());
  await addRoutes(app, express, load);
  app.use((_req, res) => res.status(404).json({ error: 'Not Found' }));
  app.use((error, req, res, _next) => {
    req.log.error(error);
    res.status(500).json({ error: 'Internal Server Error' });
  });
  const server = app.listen(0, '127.0.0.1');
  closeWithGrace({ delay: 10_000, logger }, () => new Promise((resolve) => server.close(resolve)));
  return server;
}
