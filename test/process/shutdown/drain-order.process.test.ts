import { expressNames } from '../../helpers/express-names.js';
import { clean, cleanUp, cut, idle, log, open, refused, starter } from '../../helpers/shutdowns.js';

afterEach(cleanUp);

describe.each(expressNames)('gracefulShutdown on %s', (expressName) => {
  const start = starter(expressName);

  it('a hook that hangs or throws is named, and the others run, the last registered first', async () => {
    const hooks = [
      { name: 'first' },
      { name: 'throwing', how: 'throws' },
      { name: 'hanging', how: 'hangs', timeoutMs: 50 },
      { name: 'unreadable', how: 'unreadable' },
      { name: 'last', how: 'slow' },
    ];
    const program = start({ hooks });
    await program.port();
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual(cut);
    expect(program.err.filter((line) => line.startsWith('hook '))).toEqual(
      ['last', 'unreadable', 'hanging', 'throwing', 'first'].map((name) => `hook ${name}`),
    );
    const messages = log(program).map(({ msg }) => msg);
    expect(messages).toContainEqual('SIGTERM: hanging did not end within 50 ms');
    expect(messages).toContainEqual(expect.stringContaining('throwing failed: Error: throwing threw'));
    expect(messages).toContainEqual(expect.stringContaining('unreadable failed: '));
  });

  it.each(['productionize', 'standalone'] as const)(
    'responds to all that a client has pipelined, and closes with the last (%s)',
    async (way) => {
      const program = start({ way });
      const client = await open(await program.port());
      for (const id of [1, 2, 3]) await client.request(`/slow/${id}`);
      await program.line(/arrived 3/);
      program.child.kill('SIGTERM');
      await program.line(/draining/);
      program.child.kill('SIGUSR2');
      const answers = (await client.rest()).split(/(?=HTTP\/1.1 )/);
      expect(answers).toHaveLength(3);
      answers.forEach((answer, i) => {
        expect(answer).toMatch(new RegExp(`slow ${i + 1}$`));
        expect(/^connection: close/im.test(answer)).toBe(i === 2);
      });
      expect(await program.exit()).toEqual(clean);
    },
  );

  it('does not wait for requests of a client that pipelined and disconnected', async () => {
    const program = start();
    const client = await open(await program.port());
    for (const id of [1, 2, 3]) await client.request(`/slow/${id}`);
    await program.line(/arrived 3/);
    client.destroy();
    await program.line(/slow\/1.*aborted/);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual(clean);
    expect(program.out.join()).not.toMatch(/open requests/);
  });

  it('names a request head that never became complete', async () => {
    const program = start({ options: { gracefulShutdown: { timeoutMs: 300 } } });
    const client = await idle(await program.port());
    await client.send('GET / HTTP/1.1\r\nHost: a');
    const other = await idle(await program.port());
    expect(other.isEnded).toBe(false);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual(cut);
    expect(log(program)).toContainEqual(expect.objectContaining({ open: ['unfinished request head'] }));
  });

  it('ends a stream of events whose end an app broke', async () => {
    const program = start();
    const client = await open(await program.port());
    await client.request('/broken-events');
    await client.has(/data: first/);
    program.child.kill('SIGTERM');
    await client.ended;
    expect(await program.exit()).toEqual(clean);
  });

  it.each(['productionize', 'standalone'] as const)(
    'an uncaught exception during the drain exits 1 within the same budget (%s)',
    async (way) => {
      const program = start({ way, fatal: true, options: { gracefulShutdown: { timeoutMs: 800 } } });
      const port = await program.port();
      const slow = await open(port);
      await slow.request('/slow/1');
      await program.line(/arrived 1/);
      const kept = await idle(port);
      const signalled = performance.now();
      program.child.kill('SIGTERM');
      await program.line(/draining/);
      await kept.request('/throw');
      expect(await kept.answer()).toContain('about to throw');
      await program.line(/thrown in a timer/);
      expect(await program.exit()).toEqual(cut);
      expect(performance.now() - signalled).toBeGreaterThan(780);
      expect(performance.now() - signalled).toBeLessThan(2000);
      expect([...program.out, ...program.err].join()).toContain('GET /slow/:id');
    },
  );

  it('what is in flight still finishes after such an exception', async () => {
    const program = start();
    const port = await program.port();
    const slow = await open(port);
    await slow.request('/slow/1');
    await program.line(/arrived 1/);
    const kept = await idle(port);
    program.child.kill('SIGTERM');
    await program.line(/draining/);
    await kept.request('/throw');
    await program.line(/thrown in a timer/);
    program.child.kill('SIGUSR2');
    expect(await slow.answer()).toContain('slow 1');
    expect(await program.exit()).toEqual(cut);
    expect(log(program).at(-1)).toMatchObject({ level: 60, err: { message: 'thrown in a timer' } });
  });

  it.each([0, 300])('with nothing in flight it exits within 100 ms of a delay of %d ms', async (delayMs) => {
    const exitsAfter = async () => {
      const program = start({
        timed: true,
        options: { gracefulShutdown: { ...(delayMs && { delayMs }) } },
      });
      const port = await program.port();
      const kept = [await idle(port), await idle(port), await idle(port)];
      program.child.kill('SIGTERM');
      expect(await program.exit()).toEqual(clean);
      await Promise.all(kept.map(({ ended }) => ended));
      return Number(/exit after (\d+)/.exec(await program.line(/exit after/))?.[1]);
    };
    // a machine with other work adds to it, and never takes away
    let least = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 5 && least >= delayMs + 100; run++) {
      const took = await exitsAfter();
      expect(took).toBeGreaterThanOrEqual(delayMs);
      least = Math.min(least, took);
    }
    expect(least).toBeLessThan(delayMs + 100);
  });

  it.each([
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 5000],
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1', NODE_ENV: 'development' }, 0],
  ])('the delay in %j is %d ms', async (env, delayMs) => {
    const program = start({}, env);
    await program.port();
    program.child.kill('SIGTERM');
    const line = await program.line(/draining/);
    if (delayMs > 0) expect(line).toContain(`${delayMs} ms more`);
    else expect(await program.exit()).toEqual(clean);
  });

  it('a hook starts after the last response closed', async () => {
    const program = start({ hooks: [{ name: 'pool' }] });
    const port = await program.port();
    const slow = await open(port);
    await slow.request('/slow/1');
    await program.line(/arrived 1/);
    const kept = await idle(port);
    program.child.kill('SIGTERM');
    await program.line(/draining/);
    await refused(port);
    await kept.request('/');
    expect(await kept.answer()).toContain('hello');
    expect(program.err.join()).not.toContain('hook pool');
    program.child.kill('SIGUSR2');
    expect(await slow.answer()).toContain('slow 1');
    await program.line(/hook pool/);
    expect(await program.exit()).toEqual(clean);
  });
});
