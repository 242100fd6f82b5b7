import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, watch, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { format, makeReport, passed, type Report } from '../../src/cli/drill/drill-report.js';
import { Tally } from '../../src/cli/drill/tally.js';
import { controlFrame, type Frame, frameReader, opcodes } from '../../src/cli/drill/web-socket-frames.js';
import { folder, removeFolders } from '../helpers/clusters.js';
import { expressNames } from '../helpers/express-versions.js';
import { killAll, run } from '../helpers/program.js';

jest.setTimeout(120_000);

afterEach(() => {
  killAll();
  removeFolders();
});

const program = path.join(__dirname, '../../dist/cli.js');
const fixture = (name: string) => path.join(__dirname, '../fixtures/drill', name);

/** As under PM2 with such a `kill_timeout`: workers that do not drain are killed after a second. */
const shortGrace = { pm_id: '0', kill_timeout: '1000' };

/** A drill whose temporary files are in a folder of its own. */
function drill(script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const dir = folder();
  const started = run(program, {
    args: ['drill', script, ...args],
    env: { WEB_CONCURRENCY: '', TMPDIR: dir, NODE_ENV: undefined, ...env },
  });
  return {
    ...started,
    dir,
    /** Its exit code and what it printed, once it left nothing behind. */
    async done() {
      const { code, signal } = await started.exit();
      expect(readdirSync(dir)).toEqual([]);
      await nobodyWith(dir);
      return { code, signal, out: started.out.join('\n'), err: started.err.join('\n') };
    },
    /** The processes of the app: all that were started for this folder, without the drill. */
    pids: () => pidsWith(dir).filter((pid) => pid !== started.child.pid),
  };
}

/** Processes in whose environment the folder stands. */
function pidsWith(dir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(dir) && readlinkSync(`/proc/${pid}/exe`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Resolves when the last of them is gone. Nobody tells when processes of others end, so it looks again and again. */
async function nobodyWith(dir: string): Promise<void> {
  while (pidsWith(dir).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

const all = ['--sse', '/events', '--websocket', '/ws', '--upload', '/upload'];
const kinds = [
  'keep-alive',
  'new connections',
  'slow requests',
  'slow readers',
  'uploads',
  'event streams',
  'WebSockets',
];

describe('an app that drains', () => {
  it.each(expressNames)('loses nothing of any kind over reloads, on %s', async (express) => {
    const { done } = drill(fixture('app.mjs'), [...all, '--reloads', '3', '--json'], { EXPRESS: express });
    const { code, out, err } = await done();
    const report: Report = JSON.parse(out);
    console.info(`${express}: ${report.verdict}`);
    expect({ code, err, lost: report.lost, losses: report.traffic.map(({ losses }) => losses) }).toEqual({
      code: 0,
      err: '',
      lost: 0,
      losses: kinds.map(() => ({})),
    });
    expect(report).toMatchObject({
      reloads: 3,
      reloaded: 3,
      workers: 2,
      deaths: 0,
      problem: null,
      status: 200,
    });
    expect(report.traffic.map(({ kind }) => kind)).toEqual(kinds);
    for (const { sent, answered } of report.traffic) {
      expect(answered).toBe(sent);
      expect(sent).toBeGreaterThanOrEqual(4);
    }
    const reconnected = Object.fromEntries(report.traffic.map((kind) => [kind.kind, kind.reconnected]));
    // every worker is replaced three times, and takes its connections with it
    for (const kind of ['keep-alive', 'event streams', 'WebSockets']) {
      expect(reconnected[kind]).toBeGreaterThanOrEqual(6);
    }
  });

  it('is drilled as it is, without options, and its large answers arrive whole', async () => {
    const { done } = drill(fixture('app.mjs'), ['--reloads', '1', '--path', '/large']);
    const { code, out } = await done();
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^1 reload of 2 workers, [\d.]+ s; GET \/large on port \d+ is answered 200$/);
    expect(lines[2]).toMatch(/^traffic +sent +answered +failed +reconnected +slowest$/);
    expect(lines.slice(3, 7).map((line) => line.split(/ {2,}/)[0])).toEqual(kinds.slice(0, 4));
    expect(lines.at(-1)).toMatch(/^Passed: 0 of [\d,]+ lost over 1 reload\.$/);
  });

  it('may answer with any status that it has while nothing happens', async () => {
    const { done } = drill(fixture('app.mjs'), ['--reloads', '1', '--path', '/status/500']);
    const { code, out } = await done();
    expect(out).toContain('GET /status/500 on port');
    expect(out).toContain('is answered 500');
    expect(code).toBe(0);
  });
});

describe('an app that does not', () => {
  it('loses event streams and WebSockets, and the drill says how many and why', async () => {
    const { done } = drill(fixture('app.mjs'), [...all, '--reloads', '1', '--json'], {
      OFF: '1',
      ...shortGrace,
    });
    const { code, out } = await done();
    const report: Report = JSON.parse(out);
    console.info(`without the drain: ${report.verdict}`);
    expect(code).toBe(1);
    const losses = Object.fromEntries(report.traffic.map((kind) => [kind.kind, kind]));
    expect(losses['event streams']?.losses.ECONNRESET).toBeGreaterThanOrEqual(4);
    expect(losses.WebSockets?.losses['cut without a close frame']).toBeGreaterThanOrEqual(4);
    expect(report.lost).toBe(report.traffic.reduce((sum, { sent, answered }) => sum + sent - answered, 0));
    expect(report.verdict).toMatch(/^Failed: \d+ of [\d,]+ lost over 1 reload\.$/);
  });

  it('loses requests kept alive, too, without an option of the drill', async () => {
    const { done } = drill(fixture('app.mjs'), ['--reloads', '6'], { OFF: '1', ...shortGrace });
    const { code, out } = await done();
    console.info(out);
    expect(code).toBe(1);
    expect(out).toMatch(/^keep-alive: \d+ × ECONNRESET$/m);
  });

  it('loses WebSockets that nobody told, although it drains', async () => {
    const env = { UNTOLD: '1', ...shortGrace };
    const { done } = drill(fixture('app.mjs'), ['--websocket', '/ws', '--reloads', '1'], env);
    const { code, out } = await done();
    expect(code).toBe(1);
    expect(out).toMatch(/^WebSockets: \d × cut without a close frame$/m);
  });

  it('fails when the new code does not start: the reload, and nothing else', async () => {
    const script = path.join(folder(), 'app.mjs');
    const marker = `${script}.asked`;
    const broken = `if (existsSync(${JSON.stringify(marker)})) throw new Error('broken deploy');`;
    writeFileSync(
      script,
      `import { existsSync } from 'node:fs'; ${broken} await import(${JSON.stringify(fixture('app.mjs'))});`,
    );
    const { done } = drill(script, ['--reloads', '3', '--json'], { MARKER: marker });
    const { code, out } = await done();
    const report: Report = JSON.parse(out);
    expect(code).toBe(1);
    expect(report).toMatchObject({ reloaded: 0, reloads: 3, lost: 0 });
    expect(report.problem).toMatch(/reload failed, 2 of 2 workers stay as they were: .*broken deploy/);
    expect(report.verdict).toContain('Only 0 of 3 reloads were done: reload failed');
  });

  it('fails when a worker dies meanwhile', async () => {
    const env = { DIES: '1', MARKER: path.join(folder(), 'asked') };
    const { done } = drill(fixture('app.mjs'), ['--reloads', '1', '--json'], env);
    const { code, out } = await done();
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ deaths: 1, reloaded: 1 });
  });
});

describe('what cannot be drilled', () => {
  const refuse = async (script: string, args: string[], message: RegExp, env: NodeJS.ProcessEnv = {}) => {
    const { code, out, err } = await drill(fixture(script), args, env).done();
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  };

  it.each<[string, string, string[], RegExp]>([
    ['a script that does not exist', 'none.mjs', [], /^drill: there is no script "[^"]*none\.mjs"/],
    [
      'an app that crashes at boot',
      'no-boot.mjs',
      [],
      /^drill: the app did not start: a worker died before all were ready\. Its last words:(?=.*Error: no database)(?=.*worker \d died: exit code 1)/s,
    ],
    [
      'an app that never listens',
      'silent.mjs',
      ['--seconds', '3'],
      /^drill: the app did not start: it was not ready in time\. An app is ready when it listens/,
    ],
    [
      'an app that never answers',
      'hangs.mjs',
      ['--seconds', '10'],
      /^drill: GET \/ got no answer over HTTP: the time was up/,
    ],
    [
      'an app that listens on two ports',
      'two-ports.mjs',
      [],
      /^drill: expected the app to listen on one port, got \d+, \d+\. --port names one\./,
    ],
    [
      'a port of nobody',
      'app.mjs',
      ['--port', '1'],
      /^drill: the app does not listen on port 1: its ports are \d+\./,
    ],
    [
      'no stream of events',
      'app.mjs',
      ['--sse', '/'],
      /^drill: GET \/ is no stream of events: status 200, content type text\/html/,
    ],
    [
      'no WebSocket',
      'app.mjs',
      ['--websocket', '/none'],
      /^drill: GET \/none opens no WebSocket: status 400/,
    ],
    ['no upload', 'app.mjs', ['--upload', '/none'], /^drill: POST \/none is answered 404/],
  ])('%s: exit code 2', async (_, script, args, message) => {
    await refuse(script, args, message, shortGrace);
  });

  it.each<[string[], RegExp]>([
    [['-w', '1'], /^--workers: expected 2 or more/],
    [['--reloads', '0'], /^--reloads: expected a whole number from 1 to 1000, got "0"/],
    [['--path', 'x'], /^--path: expected a path such as \/health, got "x"/],
    [['--sse', '/a b'], /^--sse: expected a path/],
    [['other.js'], /^drill: unexpected argument "other.js"/],
    [['--nonsense'], /nonsense/],
  ])('%j: exit code 2', async (args, message) => {
    await refuse('app.mjs', args, message);
  });

  it('no script: exit code 2', async () => {
    const asked = run(program, { args: ['drill'] });
    expect((await asked.exit()).code).toBe(2);
    expect(asked.err[0]).toBe('drill: expected the script of an app');
  });

  it('two ports, of which one is named', async () => {
    const [one, other] = await freePorts();
    const { done } = drill(fixture('two-ports.mjs'), ['--port', other, '--reloads', '1', '--json'], {
      ONE: one,
      OTHER: other,
    });
    const { code, out } = await done();
    expect(JSON.parse(out)).toMatchObject({ port: Number(other), lost: 0 });
    expect(code).toBe(0);
  });
});

describe('the end of a drill', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends the app, too', async (signal) => {
    const marker = path.join(folder(), 'asked');
    const started = drill(fixture('app.mjs'), all, { MARKER: marker });
    await appears(marker);
    expect(started.pids().length).toBeGreaterThanOrEqual(3);
    started.child.kill(signal);
    const { code, out } = await started.done();
    expect({ code, out }).toEqual({ code: { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal], out: '' });
  });

  it('a second signal waits for nobody', async () => {
    const [marker, leaving] = ['asked', 'leaving'].map((name) => path.join(folder(), name)) as [
      string,
      string,
    ];
    const started = drill(fixture('app.mjs'), [], { MARKER: marker, STAYS: leaving });
    await appears(marker);
    started.child.kill('SIGINT');
    await appears(leaving);
    const from = performance.now();
    started.child.kill('SIGINT');
    expect((await started.done()).code).toBe(130);
    expect(performance.now() - from).toBeLessThan(3000);
  });

  it('the app leaves when the drill is killed', async () => {
    const marker = path.join(folder(), 'asked');
    const started = drill(fixture('app.mjs'), [], { MARKER: marker });
    await appears(marker);
    started.child.kill('SIGKILL');
    await started.exit();
    await nobodyWith(started.dir);
  });

  it('when the time is up the drill says how far it came', async () => {
    const { done } = drill(fixture('app.mjs'), ['--reloads', '1000', '--seconds', '15', '--json']);
    const { code, out } = await done();
    const report: Report = JSON.parse(out);
    expect(code).toBe(1);
    expect(report.problem).toBe('the time was up');
    expect(report.seconds).toBeLessThan(40);
  });
});

describe('the report', () => {
  const drilled = {
    script: '/app.js',
    port: 3000,
    path: '/',
    status: 200,
    workers: 2,
    reloads: 10,
    reloaded: 10,
    seconds: 12.3,
    deaths: 0,
    problem: null,
  };
  const tally = (kind: string, sent: number, failures: unknown[] = [], reconnected = 0, ms = 0) => {
    const made = new Tally(kind);
    made.sent = sent;
    made.answered = sent - failures.length;
    made.reconnected = reconnected;
    made.waited(ms);
    for (const failure of failures) made.fail(failure);
    return made;
  };
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

  it('is a table with aligned columns and a verdict', () => {
    const report = makeReport(drilled, [
      tally('keep-alive', 1_234_567, [], 80, 1234.4),
      tally('slow readers', 8),
    ]);
    expect(format(report)).toBe(
      [
        '10 reloads of 2 workers, 12.3 s; GET / on port 3000 is answered 200',
        '',
        'traffic            sent   answered  failed  reconnected   slowest',
        'keep-alive    1,234,567  1,234,567       0           80  1,234 ms',
        'slow readers          8          8       0            0      0 ms',
        '',
        'Passed: 0 of 1,234,575 lost over 10 reloads.',
      ].join('\n'),
    );
    expect(passed(report)).toBe(true);
  });

  it('names the reasons of each loss with their counts', () => {
    const failures = [reset, reset, new Error('status 503')];
    const report = makeReport(drilled, [tally('keep-alive', 100, failures), tally('uploads', 3)]);
    expect(format(report).split('\n').slice(-3)).toEqual([
      'keep-alive: 2 × ECONNRESET',
      'keep-alive: 1 × status 503',
      'Failed: 3 of 103 lost over 10 reloads.',
    ]);
    expect(report.traffic[0]).toMatchObject({ failed: 3, losses: { ECONNRESET: 2, 'status 503': 1 } });
    expect(passed(report)).toBe(false);
  });

  it('fails for a problem and for a death without any loss', () => {
    const problem = makeReport({ ...drilled, reloaded: 2, problem: 'the time was up' }, [
      tally('keep-alive', 1),
    ]);
    expect(problem.verdict).toBe(
      'Failed: 0 of 1 lost over 2 reloads. Only 2 of 10 reloads were done: the time was up.',
    );
    const death = makeReport({ ...drilled, reloads: 1, reloaded: 1, deaths: 1 }, [tally('keep-alive', 1)]);
    expect(death.verdict).toBe('Failed: 0 of 1 lost over 1 reload. 1 worker died.');
    expect([passed(problem), passed(death)]).toEqual([false, false]);
  });
});

describe('frames of a WebSocket', () => {
  const server = (opcode: number, payload: Buffer, head: Buffer) =>
    Buffer.concat([Buffer.from([0x80 | opcode]), head, payload]);
  const long = Buffer.alloc(3000, 'x');
  const length64 = Buffer.alloc(9);
  length64[0] = 127;
  length64.writeBigUInt64BE(3000n, 1);
  const bytes = Buffer.concat([
    server(1, Buffer.from('hi'), Buffer.from([2])),
    server(2, long.subarray(0, 300), Buffer.from([126, 300 >> 8, 300 & 0xff])),
    server(2, long, length64),
    server(opcodes.pong, Buffer.alloc(0), Buffer.from([0])),
    server(opcodes.close, Buffer.from([0x03, 0xf4]), Buffer.from([2])),
  ]);

  it.each([1, 7, 4096, 1_000_000])('are taken out of chunks of %i bytes', (size) => {
    const frames: Frame[] = [];
    const read = frameReader((frame) => frames.push(frame));
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
    expect(frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([
      [1, 2],
      [2, 300],
      [2, 3000],
      [opcodes.pong, 0],
      [opcodes.close, 2],
    ]);
    expect(frames.at(-1)?.payload.readUInt16BE()).toBe(1012);
  });

  it('are masked by the client', () => {
    const frame = controlFrame(opcodes.close, Buffer.from([0x03, 0xe8]));
    expect([...frame.subarray(0, 2)]).toEqual([0x88, 0x82]);
    const mask = frame.subarray(2, 6);
    expect(frame.subarray(6).map((byte, i) => byte ^ (mask[i] as number))).toEqual(Buffer.from([0x03, 0xe8]));
  });
});

/** Resolves once there is such a file. */
async function appears(file: string): Promise<void> {
  const changes = watch(path.dirname(file));
  while (!existsSync(file)) await once(changes, 'change');
  changes.close();
}

/** Two that are free, and not the same. */
async function freePorts(): Promise<[string, string]> {
  const servers = [0, 0].map((port) => net.createServer().listen(port, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => String((server.address() as net.AddressInfo).port));
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, 'close')));
  return ports as [string, string];
}
