import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { metrics } from '../../src/index.js';
import { metricFamilies } from '../../src/middleware/metrics/collect.js';
import { expose } from '../../src/support/metrics/exposition.js';
import { itNeeds } from '../helpers/needs.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('promtool');

it('promtool reads the metrics, and objects only to names that prom-client has, too', async () => {
  const middleware = metrics({ port: false });
  const app = express();
  app.use(middleware);
  app.get('/users/:id', (_req, res) => void res.send('user'));
  app.get('/odd"\\\\:id', (_req, res) => void res.send('odd'));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const path of ['/users/1', '/nowhere', '/odd%22%5C1']) await get(`http://127.0.0.1:${port}${path}`);
  const { body } = expose(await metricFamilies(), undefined);
  server.close();
  middleware.close();
  const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
    input: body,
    encoding: 'utf8',
  });
  const objections = `${stdout}${stderr}`.split('\n').filter(Boolean);
  expect(objections).toEqual(
    ['handles', 'requests', 'resources'].map(
      (kind) => `nodejs_active_${kind}_total non-counter metrics should not have "_total" suffix`,
    ),
  );
  // 3 is the status of such an objection, and 1 that of text that cannot be read
  expect(status).toBe(3);
});
