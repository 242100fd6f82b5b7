// Express, and one line.
import { productionize } from 'express-productionize';
import { addRoutes, expressOf } from './express-app.js';

export async function start({ version, parts }, load) {
  const express = await expressOf(version);
  const app = express();
  await addRoutes(app, express, load);
  productionize(app, { compression: load.compression, ...parts });
  return app.listen(0, '127.0.0.1');
}
