// @banzaicloud/service-tools on Express 4. For Express it has no request log and no compression.
import serviceTools from '@banzaicloud/service-tools';
import { addRoutes, catchAsync, expressOf } from './express-app.js';

export async function start(_options, load) {
  const { catchErrors, gracefulShutdown, middleware } = serviceTools;
  const express = await expressOf(4);
  const app = express();
  await addRoutes(app, express, load, catchAsync);
  app.get('/healthz', middleware.express.healthCheck([]));
  app.use(middleware.express.errorHandler());
  const server = app.listen(0, '127.0.0.1');
  const close = () => new Promise((resolve) => server.close(resolve));
  catchErrors([close]);
  gracefulShutdown([close]);
  return server;
}
