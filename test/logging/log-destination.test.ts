import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createLogDestination } from '../../src/logging/index.js';
import { killAll, run } from '../helpers/program.js';

type Line = Record<string, unknown> & { msg?: string; n?: number; level: number; dropped?: number };

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'log-destination-'));
const fixture = (name: string) => path.join(__dirname, '../fixtures', name);
const children: ReturnType<typeof spawn>[] = [];

let files = 0;
const newPath = () => path.join(directory, `${files++}.log`);

const readLines = (file: string) => parse(fs.readFileSync(file, 'utf8').split('\n').slice(0, -1));

function parse(lines: string[]): Line[] {
  return lines.map((line) => JSON.parse(line) as Line);
}

/** How many lines are there, from number 0 on and without a gap. */
function inOrder(lines: Line[]): number {
  const numbers = lines.flatMap(({ n }) => n ?? []);
  const gap = numbers.findIndex((n, index) => n !== index);
  return gap === -1 ? numbers.length : gap;
}

afterEach(() => {
  killAll();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

/** Starts a program whose stdout is read only on demand: a pipe, or the socket pair that Node's `spawn` makes. */
function start(kind: string, name: string, ...args: string[]) {
  let reader: number | undefined;
  let writer: number | undefined;
  if (kind === 'pipe') {
    const fifo = newPath();
    execFileSync('mkfifo', [fifo]);
    reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    writer = fs.openSync(fifo, 'w');
  }
  const child = spawn(process.execPath, [fixture(name), ...args], {
    stdio: ['ignore', writer ?? 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' },
  });
  children.push(child);
  if (writer !== undefined) fs.closeSync(writer);
  const stdout = (
    reader === undefined ? child.stdout : new net.Socket({ fd: reader, writable: false })
  ) as net.Socket;
  stdout.pause();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const lines: string[] = [];
  return {
    child,
    stdout,
    lines,
    /** All of stdout, parsed; resolves at its end. */
    async read(): Promise<Line[]> {
      for await (const line of createInterface({ input: stdout })) lines.push(line);
      return parse(lines);
    },
    /** Reads until a line matches. */
    async line(matches: (line: Line) => boolean): Promise<Line[]> {
      for await (const line of createInterface({ input: stdout })) {
        lines.push(line);
        if (matches(JSON.parse(line) as Line)) return parse(lines);
      }
      throw new Error(`stdout ended:\n${stderr}`);
    },
    async exit() {
      const [code, signal] = await once(child, 'close');
      return { code, signal, stderr };
    },
  };
}

describe.each(['pipe', 'socket'])('a %s that nobody reads', (kind) => {
  it('C41 neither blocks the loop nor lets memory grow, and process.exit() returns', async () => {
    const exitTakes = async () => {
      const program = start(kind, 'log-flood.mjs');
      const [report] = (await once(program.child, 'message')) as [{ bytes: number }];
      expect(report.bytes).toBeLessThan(12 * 1024 * 1024);
      const exit = once(program.child, 'exit');
      let stderr = '';
      program.child.stderr?.on('data', (chunk) => {
        stderr += chunk;
      });
      program.child.send('exit');
      expect(await exit).toEqual([0, null]);
      program.stdout.destroy();
      if (!program.child.stderr?.closed) await once(program.child.stderr as net.Socket, 'close');
      return Number(/exit took (\d+) ms/.exec(stderr)?.[1]);
    };
    // a machine with other work adds to it, and never takes away
    let least = await exitTakes();
    for (let run = 1; run < 3 && least >= 500; run++) least = Math.min(least, await exitTakes());
    expect(least).toBeLessThan(500);
  });

  it('C41 says how many lines were dropped once it is read again, and keeps the fatal line', async () => {
    const program = start(kind, 'log-flood.mjs');
    const [{ logged }] = (await once(program.child, 'message')) as [{ logged: number }];
    program.child.send('fatal');
    const lines = await program.line(({ dropped }) => dropped !== undefined);
    const numbers = lines.flatMap(({ n }) => n ?? []);
    const dropped = lines.reduce((sum, line) => sum + (line.dropped ?? 0), 0);
    expect(numbers.length + dropped).toBe(logged);
    expect(inOrder(lines)).toBe(numbers.length);
    expect(lines.at(-1)).toMatchObject({ level: 40, msg: expect.stringContaining('dropped') });
    expect(lines.filter(({ level }) => level === 60)).toMatchObject([{ msg: 'told to' }]);
  });

  it('C41 goes on after it was read again', async () => {
    const program = start(kind, 'log-flood.mjs');
    await once(program.child, 'message');
    const recovered = program.line(({ msg }) => msg === 'told to');
    const tell = setInterval(() => program.child.send('warn'), 20);
    expect((await recovered).at(-1)).toMatchObject({ level: 40, msg: 'told to' });
    clearInterval(tell);
  });
});

describe.each(['pipe', 'socket'])('a %s whose reader is gone', (kind) => {
  it('C43 leaves the process alive, with one warning, though it prints to stdout itself', async () => {
    const program = start(kind, 'log-broken-pipe.mjs');
    const exit = program.exit();
    program.stdout.once('data', () => program.stdout.destroy()).resume();
    const { code, stderr } = await exit;
    expect({ code, stderr }).toMatchObject({ code: 7 });
    expect(stderr.match(/ERR_PRODUCTIONIZE_LOG_STOPPED\]/g)).toHaveLength(1);
    expect(stderr).toMatch(/Logging to stdout stopped: .*EPIPE/);
  });
});

it.each(['', '2>&1'])('C43 survives `program %s | head -1`', async (redirect) => {
  const codeFile = newPath();
  const { stdout } = await promisify(execFile)(
    'sh',
    [
      '-c',
      `("$0" "$1" ${redirect}; echo $? > "$2") | head -1`,
      process.execPath,
      fixture('log-broken-pipe.mjs'),
      codeFile,
    ],
    { env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' } },
  );
  expect(stdout.split('\n')).toHaveLength(2);
  expect(fs.readFileSync(codeFile, 'utf8')).toBe('7\n');
});

describe.each(['pipe', 'socket', 'file', 'path'])('logging to a %s', (kind) => {
  /** Runs the program to its end and returns the lines it left. */
  async function ending(how: string) {
    const file = newPath();
    if (kind === 'file') {
      const shell = [
        '-c',
        'exec "$0" "$1" "$2" > "$3"',
        process.execPath,
        fixture('log-ending.mjs'),
        how,
        file,
      ];
      const env = { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' };
      const [code, signal] = await once(spawn('sh', shell, { env }), 'exit');
      return { code, signal, lines: readLines(file) };
    }
    const program = start(kind, 'log-ending.mjs', how, ...(kind === 'path' ? [file] : []));
    const exit = program.exit();
    const lines = await program.read();
    const { code, signal } = await exit;
    return { code, signal, lines: kind === 'path' ? readLines(file) : lines };
  }

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])(
    'C44 writes what waits when %s ends the process as it would have',
    async (how) => {
      const { code, signal, lines } = await ending(how);
      expect([code, signal]).toEqual([null, how]);
      expect(inOrder(lines)).toBe(5000);
    },
  );

  it('C44 leaves the end to a listener of the app', async () => {
    const { code, lines } = await ending('listener');
    expect(code).toBe(3);
    expect(inOrder(lines)).toBe(5000);
    expect(lines.at(-1)?.msg).toBe('draining');
  });

  it('C44 does not wait for listeners that wait for it', async () => {
    const { signal, lines } = await ending('aside');
    expect(signal).toBe('SIGTERM');
    expect(inOrder(lines)).toBe(5000);
  });

  it('C44 writes what waits at process.exit(), and lines of exit listeners', async () => {
    const { code, lines } = await ending('exit');
    expect(code).toBe(0);
    expect(inOrder(lines)).toBe(5000);
    expect(lines.at(-1)?.msg).toBe('in an exit listener');
  });

  it('C45 has the fatal line last, and all others before it in order', async () => {
    const { code, lines } = await ending('throw');
    expect(code).toBe(1);
    expect(inOrder(lines)).toBe(6000);
    expect(lines.at(-1)).toMatchObject({ level: 60, err: { message: 'nobody catches this' } });
  });
});

describe('createLogDestination', () => {
  it('C44 loses no line when the pool is too busy to write', async () => {
    const file = newPath();
    const program = run('log-busy-pool.mjs', { args: [file], env: { UV_THREADPOOL_SIZE: '1' } });
    expect((await program.exit()).code).toBe(0);
    expect(
      readLines(file)
        .map(({ n }) => n)
        .sort(),
    ).toEqual([0, 1]);
  });

  it('C41 keeps the lines of several processes and threads on one pipe whole', async () => {
    const lines = await start('pipe', 'log-cluster.cjs').read();
    expect(lines).toHaveLength(1500);
  });

  it('C43 survives a stdout that was closed from the start', async () => {
    const shell = ['-c', 'exec "$0" "$1" exit >&-', process.execPath, fixture('log-ending.mjs')];
    const child = spawn('sh', shell, { env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' } });
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('C37 leaves no line separator in a line', async () => {
    const file = newPath();
    const destination = createLogDestination({ path: file });
    destination.write(`${JSON.stringify({ msg: 'a\u2028b\u2029c\u0085d é\n' })}\n`);
    await destination.close();
    const written = fs.readFileSync(file, 'utf8');
    expect(written).not.toMatch(/[\u2028\u2029\u0085]/);
    expect(JSON.parse(written)).toEqual({ msg: 'a\u2028b\u2029c\u0085d é\n' });
  });

  it('keeps the order of lines written with and without waiting', async () => {
    const file = newPath();
    const destination = createLogDestination({ path: file });
    const expected: string[] = [];
    for (let n = 0; n < 300; n++) {
      const line = `${JSON.stringify({ n, filler: 'é'.repeat(n * 10) })}\n`;
      expected.push(line);
      destination.write(line);
      if (n % 50 === 0) destination.flushSync();
      if (n % 70 === 0) void destination.flush();
      if (n % 30 === 0) await new Promise(setImmediate);
    }
    await destination.flush();
    expect(fs.readFileSync(file, 'utf8')).toBe(expected.join(''));
    await destination.close();
  });

  it('resolves flush at once when nothing waits, and calls back', async () => {
    const destination = createLogDestination({ path: newPath() });
    const called = new Promise<void>((resolve) => void destination.flush(() => resolve()));
    await Promise.all([called, destination.flush()]);
    await destination.close();
  });

  it('outlives the reader of a FIFO, and needs none to begin', async () => {
    const fifo = newPath();
    execFileSync('mkfifo', [fifo]);
    const destination = createLogDestination({ path: fifo });
    destination.write('{"n":1}\n');
    await destination.flush();
    const reader = new net.Socket({
      fd: fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK),
      writable: false,
    });
    const [chunk] = await once(reader, 'data');
    expect(String(chunk)).toBe('{"n":1}\n');
    reader.destroy();
    await once(reader, 'close');
    destination.write('{"n":2}\n');
    await destination.flush();
    await destination.close();
  });

  it('says once that a disk is full, keeps the lines and lives', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error) => warnings.push(warning.message);
    const emit = jest.spyOn(process, 'emitWarning').mockImplementation((warning) => {
      onWarning(warning as unknown as Error);
    });
    const destination = createLogDestination({ path: '/dev/full', exitDeadlineMs: 0 });
    destination.write('{"n":1}\n');
    destination.flushSync();
    destination.flushSync();
    await destination.close();
    expect(emit).toHaveBeenCalledTimes(1);
    expect(String(emit.mock.calls[0]?.[0])).toMatch(/Logging to \/dev\/full fails .*ENOSPC/);
    emit.mockRestore();
  });

  it('shares its process listeners, and takes them off with the last destination', async () => {
    const events = ['exit', 'SIGTERM', 'SIGINT', 'SIGHUP'];
    const count = () => events.map((event) => process.listenerCount(event));
    const before = count();
    const destinations = Array.from({ length: 25 }, () => createLogDestination({ path: newPath() }));
    expect(count()).toEqual(before.map((n) => n + 1));
    await Promise.all(destinations.map((destination) => destination.close()));
    expect(count()).toEqual(before);
  });

  it('closes what it opened, takes no more lines, and can be closed twice', async () => {
    const file = newPath();
    const destination = createLogDestination({ path: file });
    const open = () =>
      fs.readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return fs.readlinkSync(`/proc/self/fd/${fd}`) === file;
        } catch {
          return false;
        }
      });
    expect(open()).toHaveLength(1);
    destination.write('{"n":1}\n');
    await destination.close();
    await destination.close();
    destination.write('{"n":2}\n');
    destination.flushSync();
    await new Promise(setImmediate);
    expect(readLines(file)).toEqual([{ n: 1 }]);
    expect(open()).toHaveLength(0);
  });

  it.each([
    [{ fd: 1, path: 'x' }, /got both/],
    [{ fd: 99_999 }, /expected `fd` to be an open descriptor, got 99999: EBADF/],
    [{ path: '/nowhere/x.log' }, /that can be appended to, got '\/nowhere\/x.log': ENOENT/],
    [{ maxBufferBytes: 1 }, /whole number of bytes, 1024 or more/],
    [{ maxBuffer: 1 } as never, /Did you mean `maxBufferBytes`/],
  ])('refuses %j', (options, message) => {
    expect(() => createLogDestination(options)).toThrow(message);
  });
});
