// Express, and one line.
import { productionize } from 'express-productionize';
import { addRoutes, expressOf } from './routes.js';

export async function start({ version, parts }) {
  const express = await expressOf(version);
  const app = express();
  addRoutes(app, express);
  productionize(app, parts);
  return app.listen(0, '127.0.0.1');
}
