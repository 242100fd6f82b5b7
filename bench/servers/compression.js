// Express 5 with the compression package and nothing else.
import compression from 'compression';
import { addRoutes, expressOf } from './express-app.js';

export async function start(_options, load) {
  const express = await expressOf(5);
  const app = express();
  app.use(compression());
  await addRoutes(app, express, load);
  return app.listen(0, '127.0.0.1');
}
