// Express with the most used cache for its responses.
import apicache from 'apicache';
import { addRoutes, catchAsync, expressOf } from './express-app.js';

export async function start({ version }, load) {
  const express = await expressOf(version);
  const app = express();
  app.use(apicache.middleware('1 hour'));
  await addRoutes(app, express, load, version === 4 ? catchAsync : undefined);
  return app.listen(0, '127.0.0.1');
}
