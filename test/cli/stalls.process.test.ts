import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { CpuProfile } from '../../src/cli/profile/profile-tree.js';
import { cutProfile } from '../../src/process/inspect/cut-profile.js';
import { cleanUp, type Done, program, start } from '../helpers/cli.js';
import { folder, ready } from '../helpers/clusters.js';
import { run } from '../helpers/program.js';
import { get } from '../helpers/serve.js';

const app = path.join(__dirname, '../fixtures/profiled.cjs');

describe('profile --when-stalled on a cluster of two workers', () => {
  let running: ReturnType<typeof start>;
  let url: string;
  let out: string;

  beforeAll(async () => {
    running = start(app, ['-w', '2']);
    await ready(running.cluster, 2);
    url = await running.cluster.url();
    out = folder();
  });
  afterAll(cleanUp);

  /** Begins an action, and resolves once both workers have printed a line that ends with this text. */
  async function bothPrint<Result>(text: string, action: () => Result): Promise<{ done: Result }> {
    const { err } = running.cluster;
    const from = err.length;
    const done = action();
    const pids = () =>
      err.slice(from).flatMap((line) => (line.endsWith(text) ? [Number.parseInt(line, 10)] : []));
    while (new Set(pids()).size < 2) await running.cluster.more();
    return { done };
  }

  /** Starts to wait for a stall, and resolves once both workers do. */
  const waiting = (...args: string[]): Promise<{ done: Promise<Done> }> =>
    bothPrint(' Profiler.start', () => running.ask('profile', '--when-stalled', ...args, '--out', out));

  it('names the function and the route that blocked the event loop, with the profile of that time', async () => {
    const { done } = await waiting('--above', '400ms', '--json');
    expect((await get(`${url}/hot`)).status).toBe(200);
    expect((await get(`${url}/stall/3000`)).status).toBe(200);
    const { code, out: text, err } = await done;
    expect([code, err]).toEqual([0, '']);
    const [report] = JSON.parse(text);
    expect(report.stall).toEqual({ ms: expect.any(Number), route: 'GET /stall/:ms', native: false });
    expect(report.stall.ms).toBeGreaterThan(2500);
    expect(report.functions[0]).toMatchObject({ name: 'hotFunction', of: 'app', line: 14 });
    expect(report.functions[0].self).toBeGreaterThan(0.5);
    const { startTime, endTime }: CpuProfile = JSON.parse(readFileSync(report.file, 'utf8'));
    expect((endTime - startTime) / 1000).toBeLessThan(report.stall.ms + 100);
  });

  it('ends when the time is over, and all workers can be profiled again', async () => {
    const { done } = await waiting('--for', '1s', '--above', '60s');
    expect(await done).toMatchObject({ code: 1, err: 'no event loop was blocked for 60000 ms within 1 s\n' });
    const again = await running.ask('profile', '--seconds', '1', '--worker', 'all', '--out', folder());
    expect([again.code, again.err]).toEqual([0, '']);
    expect(readdirSync(running.dir)).toHaveLength(1);
  });

  it('ends the watch of both workers and leaves nothing behind when it is interrupted', async () => {
    const directory = folder();
    const args = ['profile', '--when-stalled', '--out', directory, '--runtime-dir', running.dir];
    const { done: command } = await bothPrint(' Profiler.start', () => run(program, { args }));
    const disconnected = bothPrint(' disconnected', () => {});
    const ended = bothPrint(' ended a thread', () => command.child.kill('SIGINT'));
    expect(await command.exit()).toEqual({ code: 130, signal: null });
    await Promise.all([disconnected, ended]);
    expect([command.out, command.err]).toEqual([[], []]);
    expect([readdirSync(directory), readdirSync(running.dir)]).toEqual([
      [],
      [expect.stringMatching(/\.sock$/)],
    ]);
    const again = await running.ask('profile', '--seconds', '1', '--worker', 'all', '--out', folder());
    expect([again.code, again.err]).toEqual([0, '']);
  });

  it('refuses options that contradict it', async () => {
    expect(await running.ask('profile', '--for', '5m')).toMatchObject({ code: 2 });
    expect(await running.ask('profile', 'heap', '--when-stalled')).toMatchObject({ code: 2 });
  });
});

it('a profile is cut to a part of its time', () => {
  const profile = {
    startTime: 1000,
    endTime: 9000,
    samples: [1, 2, 3, 4],
    timeDeltas: [1000, 2000, 2000, 2000],
  };
  expect(cutProfile(profile, 2, 4)).toEqual({
    startTime: 3000,
    endTime: 5000,
    samples: [2],
    timeDeltas: [1000],
  });
});
