// Express with the most used cache for its responses.
import apicache from 'apicache';
import { addRoutes, catchAsync, expressOf } from './routes.js';

export async function start({ version }) {
  const express = await expressOf(version);
  const app = express();
  app.use(apicache.middleware('1 hour'));
  addRoutes(app, express, version === 4 ? catchAsync : undefined);
  return app.listen(0, '127.0.0.1');
}
