import { once } from 'node:events';
import { createReadStream, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { costOf } from '../../src/cli/profile/snapshot-cost.js';
import { findClusters } from '../../src/process/cluster/control-client.js';
import { attempt } from '../../src/support/attempt.js';
import { cleanUp, program, start } from '../helpers/cli.js';
import { folder, ready } from '../helpers/clusters.js';
import { until } from '../helpers/daemons.js';
import { steadyLoad } from '../helpers/load.js';
import { itNeeds } from '../helpers/needs.js';
import { run } from '../helpers/program.js';
import { get } from '../helpers/serve.js';

const app = path.join(__dirname, '../fixtures/profiled.cjs');
const megabyte = 2 ** 20;

describe('snapshot on a cluster of one worker', () => {
  let running: ReturnType<typeof start>;
  let url: string;
  const workers = async () =>
    (await findClusters(running.dir))[0]?.status.workers.map(({ id, pid, state }) => ({ id, pid, state })) ??
    [];

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
    expect((await workers()).map(({ id }) => id)).toEqual([1]);
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
    expect((await workers()).map(({ id }) => id)).toEqual([2]);
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

  it('states that the worker was killed during its snapshot, leaves no file, and runs a worker again', async () => {
    const out = folder();
    const [before] = await workers();
    await get(`${url}/stop-in-snapshot`);
    const done = running.ask('snapshot', '--yes', '--force', '--out', out);
    await running.cluster.line(new RegExp(`^${before?.pid} stops in its snapshot`));
    expect(readdirSync(out)).toContainEqual(expect.stringMatching(/\.heapsnapshot\.part$/));
    process.kill(before?.pid as number, 'SIGKILL');
    expect(await done).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/\nworker \d+ was killed by SIGKILL before its snapshot was complete\n$/),
    });
    expect(readdirSync(out)).toEqual([]);
    expect(await workers()).toMatchObject([{ id: (before?.id as number) + 1, state: 'ready' }]);
  });

  /** `snapshot` in a terminal, which has asked its question. */
  async function asked(out: string) {
    const args = ['snapshot', '--force', '--out', out, '--runtime-dir', running.dir];
    const shown = run(program, { terminal: true, args, env: { NO_COLOR: '1', TERM: 'xterm' } });
    let raw = '';
    const stdout = shown.child.stdout as NodeJS.ReadableStream;
    stdout.on('data', (data) => {
      raw += data;
    });
    while (!raw.includes('write the snapshot? [y/N] ')) await once(stdout, 'data');
    /** The process of `snapshot` itself. */
    const children = `/proc/${shown.child.pid}/task/${shown.child.pid}/children`;
    return {
      shown,
      pid: Number(readFileSync(children, 'utf8')),
      type: (key: string) => shown.child.stdin?.write(key),
    };
  }

  itNeeds('script').each([
    ['n', 'n\r'],
    ['an empty line', '\r'],
    ['the end of the input', '\x04'],
    ['Ctrl-C', '\x03'],
  ])('writes nothing after %s in a terminal', async (_what, keys) => {
    const [out, before] = [folder(), await workers()];
    const { shown, type } = await asked(out);
    type(keys);
    expect(await shown.exit()).toMatchObject({ code: 1 });
    expect(shown.out.at(-1)).toBe('Nothing was written. --yes writes it without a question.');
    expect(readdirSync(out)).toEqual([]);
    expect(await workers()).toEqual(before);
  });

  itNeeds('script')('writes nothing where its terminal is closed during the question', async () => {
    const [out, before] = [folder(), await workers()];
    const { shown, pid } = await asked(out);
    shown.child.kill('SIGKILL');
    await shown.exit();
    // a signal that is not sent finds out whether the process exists
    await until(async () => !attempt(() => process.kill(pid, 0)));
    expect(readdirSync(out)).toEqual([]);
    expect(await workers()).toEqual(before);
  });

  itNeeds('script')('writes it after y in a terminal', async () => {
    const [out, [before]] = [folder(), await workers()];
    const { shown, type } = await asked(out);
    type('y\r');
    expect(await shown.exit()).toMatchObject({ code: 0 });
    const [file, ...others] = readdirSync(out);
    expect(others).toEqual([]);
    expect(shown.out.at(-1)).toMatch(new RegExp(`${file}: \\d+ MB$`));
    expect(await workers()).toMatchObject([{ id: (before?.id as number) + 1, state: 'ready' }]);
  });
});

it('a snapshot is refused near the limit of the heap and of the memory', () => {
  const memory = { heapUsed: 50 * megabyte, heapLimit: 4096 * megabyte, rss: 0, available: 8192 * megabyte };
  expect(costOf(memory)).toMatchObject({ problem: undefined });
  expect(costOf({ ...memory, heapLimit: 52 * megabyte }).problem).toMatch(/^The heap has almost reached/);
  expect(costOf({ ...memory, available: 300 * megabyte }).problem).toBe('Only 300 MB of memory are left');
});
