// Express 5 with the compression package and nothing else.
import compression from 'compression';
import { addRoutes, expressOf } from './routes.js';

export async function start() {
  const express = await expressOf(5);
  const app = express();
  app.use(compression());
  addRoutes(app, express);
  return app.listen(0, '127.0.0.1');
}
