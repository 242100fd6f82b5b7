// The server of the overload bench. Tells its parent the port and, when asked, its CPU time and counts.
import cluster from 'node:cluster';
import { once } from 'node:events';
import express from 'express';
import { loadShedding, productionize } from '../../dist/index.js';
import { delayOnly } from './delay-only.js';
import { work } from './server.js';

const settings = JSON.parse(process.argv[2]);

if (settings.workers > 0 && cluster.isPrimary) {
  cluster.schedulingPolicy = settings.accept === 'workers' ? cluster.SCHED_NONE : cluster.SCHED_RR;
  const workers = Array.from({ length: settings.workers }, () => cluster.fork());
  const answers = () => Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
  const sum = (counts) =>
    counts.reduce((total, { cpu, served, refused }) => ({
      cpu: total.cpu + cpu,
      served: total.served + served,
      refused:
        refused &&
        Object.fromEntries(
          Object.keys(refused).map((reason) => [reason, total.refused[reason] + refused[reason]]),
        ),
    }));
  process.on('disconnect', () => {
    for (const worker of workers) worker.process.kill('SIGKILL');
  });
  const [{ port }] = await answers();
  process.on('message', async (message) => {
    const counts = answers();
    for (const worker of workers) worker.send(message);
    process.send(sum(await counts));
  });
  process.send({ port });
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
