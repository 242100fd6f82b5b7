// The baseline: Express, and nothing around it.
import { addRoutes, catchAsync, expressOf } from './express-app.js';

export async function start({ version }, load) {
  const express = await expressOf(version);
  const app = express();
  await addRoutes(app, express, load, version === 4 ? catchAsync : undefined);
  return app.listen(0, '127.0.0.1');
}
