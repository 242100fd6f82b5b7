// The server of the overload bench. Tells its parent the port and, when asked, its CPU time and counts.
import cluster from 'node:cluster';
import { once } from 'node:events';
import express from 'express';
import { loadShedding, productionize } from '../../dist/index.js';
import { delayOnly } from './delay-only.js';
import { work } from './server.js';

const settings = JSON.parse(process.argv[2]);

if (settings.cluster && cluster.isPrimary) {
  const worker = cluster.fork();
  process.on('message', (message) => worker.send(message));
  worker.on('message', (message) => process.send(message));
  process.on('disconnect', () => worker.process.kill('SIGKILL'));
} else {
  const app = express();
  let served = 0;
  const shedder = settings.variant === 'ours' ? loadShedding({ startupMs: 0 }) : undefined;
  if (settings.variant === 'delay') app.use(delayOnly());
  if (shedder) app.use(shedder);
  app.get('/livez', (_req, res) => res.send('ok'));
  app.get('/work', (_req, res) => {
    served++;
    res.json({ result: work(settings.loops) });
  });
  productionize(app);
  const server = app.listen(0);
  await once(server, 'listening');
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send({ cpu: user + system, served, refused: shedder?.refused });
  });
  process.on('disconnect', () => process.exit());
  process.send({ port: server.address().port });
}
