import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CpuProfile, HeapProfile } from '../../src/cli/profile/profile-tree.js';
import { cleanUp, type Done, program, start } from '../helpers/cli.js';
import { folder, ready } from '../helpers/clusters.js';
import { until } from '../helpers/daemons.js';
import { steadyLoad } from '../helpers/load.js';
import { run } from '../helpers/program.js';

const app = path.join(__dirname, '../fixtures/profiled.cjs');

describe('profile on a cluster of two workers', () => {
  let running: ReturnType<typeof start>;
  let url: string;
  let out: string;
  const profile = (...args: string[]) => running.ask('profile', ...args, '--out', out);

  beforeAll(async () => {
    running = start(app, ['-w', '2']);
    await ready(running.cluster, 2);
    url = await running.cluster.url();
    out = folder();
  });
  afterAll(cleanUp);

  /** Sends requests while a command runs, and expects that none fails. */
  async function underLoad(route: string, command: () => Promise<Done>): Promise<Done> {
    const load = steadyLoad(`${url}${route}`, { keepAlive: true, pauseMs: 5 });
    await load.answered(2);
    const done = await command();
    const { failures } = await load.stop();
    expect([done.code, done.err, failures]).toEqual([0, '', []]);
    return done;
  }

  /** Starts a long profile, and resolves once the worker takes it. */
  async function begun(...args: string[]): Promise<{ done: Promise<Done>; pid: number }> {
    const { err } = running.cluster;
    const from = err.length;
    const done = profile('--seconds', '600', ...args);
    for (;;) {
      const line = err.slice(from).find((each) => each.endsWith(' Profiler.start'));
      if (line) return { done, pid: Number.parseInt(line, 10) };
      await running.cluster.more();
    }
  }

  it('names the hot function first, in a file for DevTools, and no request fails', async () => {
    const done = await underLoad('/hot', () => profile('--seconds', '1', '--json'));
    const [report] = JSON.parse(done.out);
    const hot = { name: 'hotFunction', of: 'app', file: 'test/fixtures/profiled.cjs', line: 14 };
    expect(report.functions[0]).toMatchObject(hot);
    expect(report.own[0]).toMatchObject(hot);
    expect(report.functions[0].self).toBeGreaterThan(0.3);
    expect(report.shares.idle).toBeLessThan(1);
    expect(statSync(report.file).mode & 0o777).toBe(0o600);
    expect(path.dirname(report.file)).toBe(out);
    const written: CpuProfile = JSON.parse(readFileSync(report.file, 'utf8'));
    expect(Object.keys(written).sort()).toEqual(['endTime', 'nodes', 'samples', 'startTime', 'timeDeltas']);
    expect(written.endTime - written.startTime).toBeGreaterThan(900_000);
  });

  it('names the function that allocates what is not released', async () => {
    const done = await underLoad('/leak', () => profile('heap', '--seconds', '1', '--json'));
    const [report] = JSON.parse(done.out);
    expect(report.own[0]).toMatchObject({ name: 'leakingFunction', of: 'app', line: 21 });
    expect(report.bytes).toBeGreaterThan(100_000);
    const written: HeapProfile = JSON.parse(readFileSync(report.file, 'utf8'));
    expect(written.head.callFrame.functionName).toBe('(root)');
  });

  it('prints a table of all workers without the control characters of names', async () => {
    const { out: text } = await underLoad('/hostile', () => profile('--seconds', '1', '--worker', 'all'));
    expect(text.match(/^cpu profile of worker \d+ \(pid \d+\), \d\.\d s: .*\.cpuprofile$/gm)).toHaveLength(2);
    expect(text).toMatch(/ idle \d+\.\d %, garbage collection \d+\.\d %, native without JavaScript/);
    expect(text).toMatch(/^ +\d+\.\d % +\d+\.\d % {2}app +.* +test\/fixtures\/profiled\.cjs:28$/m);
    expect(text).toContain('\\u{1b}[31m</script>');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('writes the profile to stdout, and what it shows to stderr', async () => {
    const done = await running.ask('profile', '--worker', '1', '--seconds', '1', '--out', '-');
    expect(done.code).toBe(0);
    expect(Object.keys(JSON.parse(done.out))).toContain('samples');
    expect(done.err).toMatch(/^cpu profile of worker 1/);
    expect(readdirSync(running.dir)).toHaveLength(1);
  });

  it('refuses an existing file, and workers that are not there', async () => {
    const file = path.join(out, 'mine');
    writeFileSync(file, 'mine');
    const existing = await running.ask('profile', '--out', file);
    expect(existing).toMatchObject({ code: 1, err: `${file} exists, and is not overwritten\n` });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(await profile('--worker', '7')).toMatchObject({
      code: 1,
      err: 'no worker 7 is ready; ready: 1, 2\n',
    });
    expect(await profile('--worker', 'x')).toMatchObject({ code: 2 });
    expect(await profile('disk')).toMatchObject({ code: 2 });
  });

  it('refuses a second profile of a worker, and returns the first early when the worker drains', async () => {
    const before = performance.now();
    const { done } = await begun('--worker', '1', '--json');
    expect(await profile('heap', '--worker', '1')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^worker 1 \(pid \d+\): another profile of this worker is running\n$/),
    });
    expect(await running.ask('reload')).toMatchObject({ code: 0 });
    const early = await done;
    expect([early.code, early.err]).toEqual([0, '']);
    const [report] = JSON.parse(early.out);
    expect(report.seconds * 1000).toBeLessThan(performance.now() - before);
    expect(statSync(report.file).size).toBeGreaterThan(1000);
  });

  it('ends early and writes what was taken when it is interrupted', async () => {
    const { err } = running.cluster;
    const from = err.length;
    const args = ['profile', '--seconds', '600', '--json', '--out', out];
    const command = run(program, { args: [...args, '--runtime-dir', running.dir] });
    while (!err.slice(from).some((each) => each.endsWith(' Profiler.start'))) await running.cluster.more();
    command.child.kill('SIGINT');
    expect(await command.exit()).toEqual({ code: 0, signal: null });
    const [report] = JSON.parse(command.out.join(''));
    expect(report.seconds).toBeLessThan(600);
    expect(statSync(report.file).size).toBeGreaterThan(1000);
    expect(readdirSync(running.dir)).toHaveLength(1);
  });

  it.each([
    ['profile', 1, ['--seconds', '600']],
    ['watch for stalls', 2, ['--when-stalled']],
  ])('ends the %s and leaves nothing behind when its command is killed', async (_what, workers, options) => {
    const { err } = running.cluster;
    const from = err.length;
    const printed = async (text: string) => {
      while (err.slice(from).filter((each) => each.endsWith(text)).length < workers)
        await running.cluster.more();
    };
    const args = ['profile', ...options, '--out', out, '--runtime-dir', running.dir];
    const command = run(program, { args });
    await printed(' Profiler.start');
    command.child.kill('SIGKILL');
    await command.exit();
    await printed(' disconnected');
    await until(async () => readdirSync(running.dir).length === 1);
  });

  it('states that the worker died during its profile, and leaves no file', async () => {
    const { done, pid } = await begun();
    process.kill(pid, 'SIGKILL');
    expect(await done).toMatchObject({ code: 1, err: expect.stringMatching(/: the worker died\n$/) });
    expect(readdirSync(running.dir)).toHaveLength(1);
  });
});
