// The baseline: Express, and nothing around it.
import { addRoutes, catchAsync, expressOf } from './routes.js';

export async function start({ version }) {
  const express = await expressOf(version);
  const app = express();
  addRoutes(app, express, version === 4 ? catchAsync : undefined);
  return app.listen(0, '127.0.0.1');
}
