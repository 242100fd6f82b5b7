import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cleanUp,
  fixture,
  inOrder,
  newPath,
  readLines,
  removeFiles,
  start,
} from '../helpers/log-programs.js';

afterEach(cleanUp);
afterAll(removeFiles);

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
    'writes what waits when %s ends the process as it would have',
    async (how) => {
      const { code, signal, lines } = await ending(how);
      expect([code, signal]).toEqual([null, how]);
      expect(inOrder(lines)).toBe(5000);
    },
  );

  it('lets a listener of the app end the process', async () => {
    const { code, lines } = await ending('listener');
    expect(code).toBe(3);
    expect(inOrder(lines)).toBe(5000);
    expect(lines.at(-1)?.msg).toBe('draining');
  });

  it('does not wait for listeners that wait for it', async () => {
    const { signal, lines } = await ending('aside');
    expect(signal).toBe('SIGTERM');
    expect(inOrder(lines)).toBe(5000);
  });

  it('writes what waits at process.exit(), and lines of exit listeners', async () => {
    const { code, lines } = await ending('exit');
    expect(code).toBe(0);
    expect(inOrder(lines)).toBe(5000);
    expect(lines.at(-1)?.msg).toBe('in an exit listener');
  });

  it('has the fatal line last, and all others before it in order', async () => {
    const { code, lines } = await ending('throw');
    expect(code).toBe(1);
    expect(inOrder(lines)).toBe(6000);
    expect(lines.at(-1)).toMatchObject({ level: 60, err: { message: 'nobody catches this' } });
  });
});
