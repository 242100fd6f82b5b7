import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../src/support/attempt.js';
import { app, cleanUp, program, start } from '../helpers/cli.js';
import { folder, ready } from '../helpers/clusters.js';
import { execFile, until } from '../helpers/daemons.js';
import { steadyLoad } from '../helpers/load.js';
import { itNeeds } from '../helpers/needs.js';
import { run } from '../helpers/program.js';

let cluster: ReturnType<typeof start>;
let load: ReturnType<typeof steadyLoad>;

beforeAll(async () => {
  cluster = start(app('measured.cjs'), ['-w', '2', '--name', 'web']);
  await ready(cluster.cluster, 2);
  load = steadyLoad(`${await cluster.cluster.url()}/areas/7`, {
    keepAlive: true,
    clients: 2,
    pauseMs: 10,
    limitMs: 10_000,
  });
});
afterAll(async () => {
  await load.stop();
  cleanUp();
});

/** `top` in a terminal of this size, and what it shows. */
function terminal(columns: number, rows: number, cwd?: string) {
  const size = ['sh', '-c', `stty cols ${columns} rows ${rows}; exec "$@"`, 'sh'];
  const args = ['top', '--every', '1', '--runtime-dir', cluster.dir];
  const env = { NO_COLOR: '1', TERM: 'xterm' };
  const shown = run(program, { terminal: true, command: size, args, env, cwd });
  let raw = '';
  shown.child.stdout?.setEncoding('utf8').on('data', (data) => {
    raw += data;
  });
  /** The lines of the last complete frame. */
  const screen = (): string[] => {
    const end = raw.lastIndexOf('\x1b[J\x1b[?2026l');
    const begin = raw.lastIndexOf(frame, end);
    if (end < 0) return [];
    return raw
      .slice(begin + frame.length, end)
      .replaceAll('\x1b[K', '')
      .split(/\r*\n/);
  };
  /** The process of `top` itself. */
  const pid = () => Number(readFileSync(`/proc/${shown.child.pid}/task/${shown.child.pid}/children`, 'utf8'));
  const shows = async (expected: (lines: string[]) => boolean): Promise<string[]> => {
    while (!expected(screen())) await once(shown.child.stdout as NodeJS.ReadableStream, 'data');
    return screen();
  };
  return {
    shown,
    raw: () => raw,
    pid,
    type: (key: string) => shown.child.stdin?.write(key),
    shows: (pattern: RegExp) => shows((lines) => pattern.test(lines.join('\n'))),
    /** Changes the size of the terminal, and resolves with the first frame of so many rows. */
    async resize(columns: number, rows: number): Promise<string[]> {
      const device = readlinkSync(`/proc/${pid()}/fd/0`);
      await execFile('stty', ['-F', device, 'cols', String(columns), 'rows', String(rows)]);
      return shows(({ length }) => length === rows);
    },
  };
}

const restored = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const frame = '\x1b[?2026h\x1b[H';
const measured = /web \(\d+\).*\d rps[\s\S]*GET \/areas\/:id +\d/;

describe('top', () => {
  itNeeds('script')('fits a terminal of 80 columns, and shows no control character of a route', async () => {
    const { shows, raw, type, shown } = terminal(80, 24);
    const lines = await shows(measured);
    expect(lines).toHaveLength(24);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    const text = lines.join('\n');
    // a quantile between two bounds, such as 4.95, 37.5 or 49.5 ms, is just below that for some counts
    expect(text).toMatch(
      /^▸ web \(\d+\) {2}2 of 2 ready {2}[\d.]+ rps {2}[\d.]+ err\/s {2}p50 [\d.]+ ms {2}p99 (?:49|50) ms/,
    );
    expect(text).toMatch(/^ +1 +\d+ +ready +[\d.]+ s +[\d.]+ +[\d.]+ +\d+ % +12 ms +\d+ MB/m);
    expect(text).toMatch(/^ +GET \/areas\/:id +[\d.]+ +0\.0 +2\.5 ms +(?:4\.9|5\.0) ms$/m);
    // versions of Node differ in what they take for a sequence; the rest of it is a question mark
    expect(text).toMatch(/^ +GET \/hostile\/\??\/with\/a\/.*… +[\d.]+ +[\d.]+ +(?:37|38) ms +(?:49|50) ms$/m);
    expect(raw()).not.toContain('\x07');
    expect(raw()).not.toContain('\x1b[2J');
    type('q');
    expect(await shown.exit()).toMatchObject({ code: 0 });
    expect(raw()).toContain(restored);
  });

  itNeeds('script')('scales and reloads by its keys, in a terminal of 120 columns', async () => {
    const { shows, type, raw, shown, pid } = terminal(120, 30);
    const lines = await shows(measured);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(120);
    expect(lines[0]).toMatch(/p99 \d+ ms {2}0 died {2}up [\d.]+ s {2}measured\.cjs$/);
    type('+');
    await shows(/scaling to 3 workers/);
    await shows(/3 of 3 ready/);
    type('-');
    await shows(/scaling to 2 workers/);
    await shows(/2 of 2 ready/);
    type('r');
    await shows(/reloaded: 2 workers replaced/);
    type('\t\x1b[A');
    process.kill(pid(), 'SIGTERM');
    expect(await shown.exit()).toMatchObject({ code: 0 });
    expect(raw()).toContain(restored);
  });

  itNeeds('script')('profiles by its key, and fits the sizes that the terminal has meanwhile', async () => {
    const directory = folder();
    const { shows, type, shown, resize } = terminal(120, 30, directory);
    await shows(measured);
    type('p');
    expect((await shows(/^profile …$/m)).at(-2)).toBe('profile …');
    for (const [columns, rows] of [
      [60, 12],
      [30, 5],
      [40, 2],
      [200, 40],
    ] as const) {
      const lines = await resize(columns, rows);
      expect(lines).toHaveLength(rows);
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns);
      expect(lines.at(-1)).toBe(
        'q quit   + - scale   r reload   p profile   tab next cluster'.slice(0, columns),
      );
    }
    const [, file] =
      /^profile of worker \d+: (.*\.cpuprofile) *$/.exec((await shows(/^profile of/m)).at(-2) ?? '') ?? [];
    expect(readdirSync(directory)).toEqual([path.basename(file as string)]);
    expect(JSON.parse(readFileSync(file as string, 'utf8')).samples.length).toBeGreaterThan(100);
    type('q');
    expect(await shown.exit()).toMatchObject({ code: 0 });
  });

  itNeeds('script')('ends where its terminal is closed', async () => {
    const { shows, pid, shown } = terminal(80, 24);
    await shows(/q quit/);
    const top = pid();
    shown.child.kill('SIGKILL');
    await shown.exit();
    // a signal that is not sent finds out whether the process exists
    await until(async () => !attempt(() => process.kill(top, 0)));
  });

  it('prints a line for each time without a terminal, and JSON with rates', async () => {
    const plain = run(program, { args: ['top', '--every', '1', '--runtime-dir', cluster.dir] });
    expect(await plain.line(/rps/)).toMatch(
      /^\d\d:\d\d:\d\d {2}web \(\d+\) {2}2 of 2 ready {2}[\d.]+ rps {2}[\d.]+ err\/s {2}p50 [\d.]+ ms {2}p99 \d+ ms {2}0 died {2}up .* {2}measured\.cjs$/,
    );
    plain.child.kill('SIGINT');
    expect(await plain.exit()).toMatchObject({ code: 0 });
    const json = run(program, { args: ['top', '--json', '--every', '1', '--runtime-dir', cluster.dir] });
    const state = JSON.parse(await json.line(/"rps":[\d.]+/));
    expect(state).toMatchObject({
      host: null,
      problem: null,
      clusters: [{ name: 'web', measured: true, workers: [{ state: 'ready', delayMs: 12.3 }, {}] }],
    });
    json.child.kill('SIGTERM');
    await json.exit();
  });

  it('shows the requests that the part `metrics` counts, on a host of --on, too', async () => {
    const config = path.join(folder(), 'config.json');
    writeFileSync(config, JSON.stringify({ metrics: { port: false } }));
    const real = start(app('listen.cjs'), ['-w', '1', '--config', config]);
    await ready(real.cluster, 1);
    const requests = steadyLoad(await real.cluster.url(), {
      keepAlive: true,
      clients: 1,
      pauseMs: 10,
      limitMs: 10_000,
    });
    const args = ['top', '--json', '--every', '1', '--runtime-dir', real.dir];
    const top = run(program, { args: [...args, '--on', 'local'] });
    const state = JSON.parse(await top.line(/"method":"GET"/));
    expect(state).toMatchObject({
      host: 'local',
      clusters: [
        {
          measured: true,
          workers: [{ delayMs: expect.any(Number), errors: 0 }],
          routes: [{ method: 'GET', route: '/', p99Ms: expect.any(Number) }],
        },
      ],
    });
    expect(state.clusters[0].rps).toBeGreaterThan(0);
    expect(state.clusters[0].workers[0].rps).toBe(state.clusters[0].rps);
    top.child.kill('SIGTERM');
    await top.exit();
    await requests.stop();
  });

  it('ends with exit code 1 where no cluster runs', async () => {
    const none = run(program, { args: ['top', '--name', 'none', '--runtime-dir', cluster.dir] });
    expect(await none.exit()).toMatchObject({ code: 1 });
    expect(none.err).toEqual([expect.stringMatching(/^No cluster of \S+ with the name "none" is running/)]);
  });
});
