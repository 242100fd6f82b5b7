import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanUp, start } from '../../helpers/cli.js';
import { folder, pidOf, ready } from '../../helpers/clusters.js';
import { get } from '../../helpers/serve.js';

afterEach(cleanUp);

it('a worker that listens receives no connection before it is ready, while others are', async () => {
  const file = path.join(folder(), 'ready');
  writeFileSync(file, '');
  const script = path.join(__dirname, '../../fixtures/ready-file.mjs');
  const { cluster } = start(script, ['--workers', '2'], { FILE: file });
  await ready(cluster, 2);
  const old = cluster.log().flatMap(({ workerPid }) => (workerPid === undefined ? [] : [workerPid]));
  const url = await cluster.url();
  rmSync(file);
  cluster.child.kill('SIGHUP');
  const listening = () => cluster.err.filter((line) => line.startsWith('listening on')).length;
  while (listening() < 3) await cluster.more();
  for (let i = 0; i < 50; i++) expect(old).toContain(await pidOf(url));
  writeFileSync(file, '');
  await cluster.logged(/^reload: done/);
  for (let i = 0; i < 4; i++) expect(old).not.toContain(await pidOf(url));
});

it('where no worker is ready, one that listens serves', async () => {
  const script = path.join(__dirname, '../../fixtures/ready-file.mjs');
  const { cluster } = start(script, ['--workers', '2'], { FILE: path.join(folder(), 'missing') });
  expect((await get(await cluster.url())).status).toBe(200);
});
