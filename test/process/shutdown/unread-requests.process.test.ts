import { writeFileSync } from 'node:fs';
import { expressNames } from '../../helpers/express-names.js';
import { clean, cleanUp, fileToCome, idle, open, type Setting, starter } from '../../helpers/shutdowns.js';

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
});
