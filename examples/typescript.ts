// The same in TypeScript. Node 22.18 and newer run this file as it is: node examples/typescript.ts
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import express from 'express';
import {
  type HealthCheck,
  type ProductionizeOptions,
  productionize,
  type RequestFields,
} from 'express-productionize';

// gives `req` the fields that the library adds
declare global {
  namespace Express {
    interface Request extends RequestFields {}
  }
}

interface Item {
  readonly id: number;
  readonly name: string;
}

const items = new Map<number, Item>([[1, { id: 1, name: 'first' }]]);

const database: HealthCheck = async () => {
  if (items.size === 0) throw new Error('no items');
};
const options: ProductionizeOptions = { healthChecks: { checks: { database } } };

const app = express();
productionize(app, options);

// a handler that returns a promise needs no cast
app.get('/items/:id', async (req, res) => {
  const item = await Promise.resolve(items.get(Number(req.params.id)));
  if (!item) {
    res.sendStatus(404);
    return;
  }
  req.log.info({ item: item.id }, 'item read');
  res.json(item);
});

export default app;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
    console.error(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
