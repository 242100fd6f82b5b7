import { once } from 'node:events';
import { createReadStream, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { costOf } from '../../src/cli/profile/snapshot-cost.js';
import { cleanUp, start } from '../helpers/cli.js';
import { folder, ready } from '../helpers/clusters.js';
import { steadyLoad } from '../helpers/load.js';

const app = path.join(__dirname, '../fixtures/profiled.cjs');
const megabyte = 2 ** 20;

describe('snapshot on a cluster of one worker', () => {
  let running: ReturnType<typeof start>;
  let url: string;
  const workers = async () => JSON.parse((await running.ask('status', '--json')).out)[0].workers;

  beforeAll(async () => {
    running = start(app, ['-w', '1']);
    await ready(running.cluster, 1);
    url = await running.cluster.url();
  });
  afterAll(cleanUp);

  it('states the cost and writes nothing without a confirmation', async () => {
    const out = folder();
    const done = await running.ask('snapshot', '--out', out);
    expect(done).toMatchObject({ code: 1, out: '' });
    expect(done.err).toMatch(
      /^worker 1 \(pid \d+\): \d+ MB of heap; its snapshot takes about \d+ MB of memory and \d+ s, after a new worker is ready\n/,
    );
    expect(done.err).toContain('such as passwords, tokens and personal data');
    expect(done.err).toMatch(/Nothing was written\. --yes writes it without a question\.\n$/);
    expect(readdirSync(out)).toEqual([]);
    expect((await workers()).map(({ id }: { id: number }) => id)).toEqual([1]);
  });

  it('replaces the worker, which writes the snapshot when it exits, and no request fails', async () => {
    const out = folder();
    const load = steadyLoad(url, { keepAlive: true, pauseMs: 5 });
    await load.answered(2);
    const done = await running.ask('snapshot', '--yes', '--force', '--json', '--out', out);
    await load.answered(2);
    const { failures } = await load.stop();
    expect([done.code, failures]).toEqual([0, []]);
    const { worker, file, bytes } = JSON.parse(done.out);
    expect([worker, readdirSync(out)]).toEqual([1, [path.basename(file)]]);
    expect(file).toMatch(/profiled-\d+-worker1-\d{8}T\d{6}Z\.heapsnapshot$/);
    expect([statSync(file).mode & 0o777, statSync(file).size]).toEqual([0o600, bytes]);
    const [head] = await once(createReadStream(file, { encoding: 'utf8', end: 999 }), 'data');
    expect(head).toMatch(/^\{"snapshot":\{"meta":/);
    const { snapshot, nodes, strings } = JSON.parse(readFileSync(file, 'utf8'));
    expect(nodes).toHaveLength(snapshot.node_count * snapshot.meta.node_fields.length);
    expect(strings).toContain('leakingFunction');
    expect((await workers()).map(({ id }: { id: number }) => id)).toEqual([2]);
  });

  it('refuses a file that exists, and a worker that is not there', async () => {
    const file = path.join(folder(), 'taken');
    writeFileSync(file, 'mine');
    const done = await running.ask('snapshot', '--yes', '--force', '--out', file);
    expect(done).toMatchObject({
      code: 1,
      err: expect.stringMatching(/taken exists, and is not overwritten\n$/),
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(await running.ask('snapshot', '--worker', '9', '--yes')).toMatchObject({ code: 1 });
  });
});

it('a snapshot is refused near the limit of the heap and of the memory', () => {
  const memory = { heapUsed: 50 * megabyte, heapLimit: 4096 * megabyte, rss: 0, available: 8192 * megabyte };
  expect(costOf(memory)).toMatchObject({ problem: undefined });
  expect(costOf({ ...memory, heapLimit: 52 * megabyte }).problem).toMatch(/^The heap has almost reached/);
  expect(costOf({ ...memory, available: 300 * megabyte }).problem).toBe('Only 300 MB of memory are left');
});
