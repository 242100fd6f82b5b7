import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { createLogDestination } from '../../src/logging/index.js';
import { cleanUp, fixture, newPath, readLines, removeFiles, start } from '../helpers/log-programs.js';
import { itNeeds } from '../helpers/needs.js';
import { run } from '../helpers/program.js';

afterEach(cleanUp);
afterAll(removeFiles);

describe('createLogDestination', () => {
  it('loses no line when the pool is too busy to write', async () => {
    const file = newPath();
    const program = run('log-busy-pool.mjs', { args: [file], env: { UV_THREADPOOL_SIZE: '1' } });
    expect((await program.exit()).code).toBe(0);
    expect(
      readLines(file)
        .map(({ n }) => n)
        .sort(),
    ).toEqual([0, 1]);
  });

  it('writes whole lines of several processes and threads on one pipe', async () => {
    const lines = await start('pipe', 'log-cluster.cjs').read();
    expect(lines).toHaveLength(1500);
  });

  it('survives a stdout that was closed from the start', async () => {
    const shell = ['-c', 'exec "$0" "$1" exit >&-', process.execPath, fixture('log-ending.mjs')];
    const child = spawn('sh', shell, { env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' } });
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('escapes line separators in a line', async () => {
    const file = newPath();
    const destination = createLogDestination({ path: file });
    destination.write(`${JSON.stringify({ msg: 'a\u2028b\u2029c\u0085d é\n' })}\n`);
    await destination.close();
    const written = fs.readFileSync(file, 'utf8');
    expect(written).not.toMatch(/[\u2028\u2029\u0085]/);
    expect(JSON.parse(written)).toEqual({ msg: 'a\u2028b\u2029c\u0085d é\n' });
  });

  it('preserves the order of lines written with and without waiting', async () => {
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

  it('resolves flush immediately when nothing waits, and calls back', async () => {
    const destination = createLogDestination({ path: newPath() });
    const called = new Promise<void>((resolve) => void destination.flush(() => resolve()));
    await Promise.all([called, destination.flush()]);
    await destination.close();
  });

  itNeeds('mkfifo')('outlives the reader of a FIFO, and needs none to begin', async () => {
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

  it('reports once that a disk is full, buffers the lines and lives', async () => {
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
