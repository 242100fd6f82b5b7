import { writeFileSync } from 'node:fs';
import { expressNames } from '../../helpers/express-names.js';
import { get } from '../../helpers/serve.js';
import {
  clean,
  cleanUp,
  fileToCome,
  idle,
  open,
  refused,
  type Setting,
  starter,
} from '../../helpers/shutdowns.js';

afterEach(cleanUp);

describe.each(expressNames)('gracefulShutdown on %s', (expressName) => {
  const start = starter(expressName);

  /** What becomes of requests that reach the kernel before the signal, and the process after it. */
  async function buffered(setting: Setting) {
    const busyUntil = fileToCome();
    const program = start({ ...setting, busyUntil });
    const port = await program.port();
    const kept = await Promise.all(Array.from({ length: 20 }, () => idle(port)));
    program.child.kill('SIGTERM');
    await program.line(/^busy/);
    await Promise.all(kept.map((connection) => connection.request('/')));
    writeFileSync(busyUntil, '');
    const answers = await Promise.all(kept.map((connection) => connection.answer()));
    return { answers, exit: await program.exit() };
  }

  it.each(['productionize', 'standalone'] as const)(
    'requests that wait on idle connections at the signal are completed (%s)',
    async (way) => {
      const { answers, exit } = await buffered({ way });
      expect(
        answers.filter((answer) => /^HTTP\/1.1 200.*connection: close.*hello$/is.test(answer)),
      ).toHaveLength(20);
      expect(exit).toEqual(clean);
    },
  );

  async function queued(setting: Setting) {
    const busyUntil = fileToCome();
    const program = start({ ...setting, busyUntil });
    const port = await program.port();
    program.child.kill('SIGTERM');
    await program.line(/^busy/);
    const waiting = await Promise.all(Array.from({ length: 80 }, () => open(port)));
    await Promise.all(waiting.map((connection) => connection.request('/')));
    writeFileSync(busyUntil, '');
    const answers = await Promise.all(waiting.map((connection) => connection.answer()));
    return { answers, exit: await program.exit() };
  }

  it.each(['productionize', 'standalone'] as const)(
    '80 connections in the accept queue at the signal all get a response (%s)',
    async (way) => {
      const { answers, exit } = await queued({ way });
      expect(answers.filter((answer) => /^HTTP\/1.1 200.*hello$/s.test(answer))).toHaveLength(80);
      expect(exit).toEqual(clean);
    },
  );

  it('the same requests are lost by server.close(), and without any shutdown', async () => {
    const lost = ({ answers }: { answers: string[] }) => answers.filter((answer) => answer === '').length;
    expect(lost(await buffered({ way: 'close' }))).toBe(20);
    expect(lost(await queued({ way: 'close' }))).toBe(80);
    expect(lost(await queued({ options: { gracefulShutdown: false } }))).toBe(80);
  });

  it.each(['object', 'array', 'reason', 'copied', 'removed', 'plain'])(
    'a response that was begun before the signal has Connection: close (%s head)',
    async (how) => {
      const program = start();
      const connection = await open(await program.port());
      await connection.request(`/head/${how}`);
      await program.line(/arrived head/);
      program.child.kill('SIGTERM');
      await program.line(/draining/);
      program.child.kill('SIGUSR2');
      const answer = await connection.answer();
      expect(answer).toMatch(/^HTTP\/1.1 200/);
      expect(answer.match(/^connection: .*$/gim)).toEqual(['Connection: close']);
      expect(await connection.ended).toBe('end');
      expect(await program.exit()).toEqual(clean);
    },
  );

  it('an idle connection stays while there is work, and its next request is completed', async () => {
    const program = start();
    const port = await program.port();
    const slow = await open(port);
    await slow.request('/slow/1');
    await program.line(/arrived 1/);
    const kept = await idle(port);
    const other = await idle(port);
    program.child.kill('SIGTERM');
    await program.line(/draining/);
    await refused(port);
    expect([kept.isEnded, other.isEnded]).toEqual([false, false]);
    await kept.request('/');
    expect(await kept.answer()).toMatch(/^HTTP\/1.1 200.*connection: close/is);
    expect(await kept.ended).toBe('end');
    expect(other.isEnded).toBe(false);
    program.child.kill('SIGUSR2');
    expect(await slow.answer()).toContain('slow 1');
    expect(await other.ended).toBe('end');
    expect(await program.exit()).toEqual(clean);
  });

  it('an idle connection ends by its own timeout meanwhile', async () => {
    const program = start({ keep: 1 });
    const port = await program.port();
    const slow = await open(port);
    await slow.request('/slow/1');
    await program.line(/arrived 1/);
    const kept = await idle(port);
    program.child.kill('SIGTERM');
    await program.line(/draining/);
    expect(await kept.ended).toBe('end');
    program.child.kill('SIGUSR2');
    expect(await slow.answer()).toContain('slow 1');
    expect(await program.exit()).toEqual(clean);
  });

  it('a new connection in the delay gets a response with Connection: close, and a 404 too', async () => {
    const program = start({ options: { gracefulShutdown: { delayMs: 1500 } } });
    const port = await program.port();
    program.child.kill('SIGTERM');
    await program.line(/accepting requests for 1500 ms more/);
    const answer = await get(`http://127.0.0.1:${port}/`);
    expect(answer).toMatchObject({ status: 200, text: 'hello', headers: { connection: 'close' } });
    expect(await get(`http://127.0.0.1:${port}/none`)).toMatchObject({
      status: 404,
      headers: { connection: 'close' },
    });
    expect(await program.exit()).toEqual(clean);
  });
});
