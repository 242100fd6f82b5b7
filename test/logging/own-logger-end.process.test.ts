import { cleanUp, newPath, readLines, removeFiles } from '../helpers/log-programs.js';
import { run } from '../helpers/program.js';
import { get } from '../helpers/serve.js';

afterEach(cleanUp);
afterAll(removeFiles);

const messageOf = ({ msg, message }: Record<string, unknown>) => String(msg ?? message);

describe.each(['winston', 'bunyan', 'pino-9'])('a process whose logger is %s', (kind) => {
  it('has written the last line when SIGTERM has ended it', async () => {
    const file = newPath();
    const program = run('own-logger.mjs', { args: [kind, file] });
    const port = await program.port();
    for (let i = 0; i < 50; i++) await get(`http://127.0.0.1:${port}/nothing`);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    const messages = readLines(file).map(messageOf);
    expect(messages.filter((message) => message === 'GET /nothing 404')).toHaveLength(50);
    expect(messages.at(-1)).toBe('SIGTERM: exit 0');
  });

  it('has written the fatal error when that has ended it', async () => {
    const file = newPath();
    const program = run('own-logger.mjs', { args: [kind, file] });
    const port = await program.port();
    expect((await get(`http://127.0.0.1:${port}/throws`)).status).toBe(500);
    expect(await program.exit()).toEqual({ code: 1, signal: null });
    const lines = readLines(file);
    expect(messageOf(lines.at(-1) as never)).toBe('the process exits after an uncaught error');
    expect(lines.at(-1)).toMatchObject({
      level: kind === 'winston' ? 'error' : 60,
      err: { message: 'out of hand' },
    });
  });
});
