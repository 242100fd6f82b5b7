import { expressNames } from '../../helpers/express-names.js';
import { get } from '../../helpers/serve.js';
import { clean, cleanUp, idle, open, refused, starter } from '../../helpers/shutdowns.js';

afterEach(cleanUp);

describe.each(expressNames)('gracefulShutdown on %s', (expressName) => {
  const start = starter(expressName);

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
