import { execFile } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type net from 'node:net';
import { promisify } from 'node:util';
import { cleanUp, fixture, inOrder, newPath, removeFiles, start } from '../helpers/log-programs.js';

afterEach(cleanUp);
afterAll(removeFiles);

describe.each(['pipe', 'socket'])('a %s without a reader', (kind) => {
  it('neither blocks the loop nor lets memory grow, and process.exit() returns', async () => {
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

  it('reports how many lines were dropped once it is read again, and never drops the fatal line', async () => {
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

  it('goes on after it was read again', async () => {
    const program = start(kind, 'log-flood.mjs');
    await once(program.child, 'message');
    const recovered = program.line(({ msg }) => msg === 'told to');
    const tell = setInterval(() => program.child.send('warn'), 20);
    expect((await recovered).at(-1)).toMatchObject({ level: 40, msg: 'told to' });
    clearInterval(tell);
  });
});

describe.each(['pipe', 'socket'])('a %s whose reader is gone', (kind) => {
  it('survives, with one warning, though the app prints to stdout itself', async () => {
    const program = start(kind, 'log-broken-pipe.mjs');
    const exit = program.exit();
    program.stdout.once('data', () => program.stdout.destroy()).resume();
    const { code, stderr } = await exit;
    expect({ code, stderr }).toMatchObject({ code: 7 });
    expect(stderr.match(/ERR_PRODUCTIONIZE_LOG_STOPPED\]/g)).toHaveLength(1);
    expect(stderr).toMatch(/Logging to stdout stopped: .*EPIPE/);
  });
});

it.each(['', '2>&1'])('survives `program %s | head -1`', async (redirect) => {
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
