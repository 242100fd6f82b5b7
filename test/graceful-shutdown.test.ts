import { Connection } from './helpers/connection.js';
import { killAll, type Program, run } from './helpers/program.js';
import { get } from './helpers/serve.js';

const connections = new Set<Connection>();

afterEach(() => {
  killAll();
  for (const connection of connections) connection.destroy();
  connections.clear();
});

interface Setting {
  way?: 'productionize' | 'standalone' | 'close';
  options?: object;
  [more: string]: unknown;
}

async function open(port: number): Promise<Connection> {
  const connection = await Connection.open(port);
  connections.add(connection);
  return connection;
}

/** A connection that was answered once and is idle now. */
async function idle(port: number): Promise<Connection> {
  const connection = await open(port);
  await connection.request('/');
  expect(await connection.answer()).toMatch(/^HTTP\/1.1 200/);
  return connection;
}

/** Resolves when nothing listens any more. */
async function refused(port: number): Promise<void> {
  for (;;) {
    try {
      (await Connection.open(port)).destroy();
    } catch {
      return;
    }
  }
}

const clean = { code: 0, signal: null };
const cut = { code: 1, signal: null };
const log = (program: Program) =>
  program.out.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

describe.each(['express4', 'express'])('gracefulShutdown on %s', (expressName) => {
  const start = (setting: Setting = {}, env: NodeJS.ProcessEnv = {}) =>
    run('shutdown.mjs', { args: [expressName, JSON.stringify(setting)], env });

  /** What becomes of requests that reach the kernel before the signal, and the process after it. */
  async function buffered(setting: Setting) {
    const program = start({ ...setting, busyMs: 300 });
    const port = await program.port();
    const kept = await Promise.all(Array.from({ length: 20 }, () => idle(port)));
    program.child.kill('SIGTERM');
    await program.line(/^busy/);
    await Promise.all(kept.map((connection) => connection.request('/')));
    const answers = await Promise.all(kept.map((connection) => connection.answer()));
    return { answers, exit: await program.exit() };
  }

  it.each(['productionize', 'standalone'] as const)(
    'E1: requests that wait on idle connections at the signal are answered (%s)',
    async (way) => {
      const { answers, exit } = await buffered({ way });
      expect(
        answers.filter((answer) => /^HTTP\/1.1 200[^]*connection: close[^]*hello$/i.test(answer)),
      ).toHaveLength(20);
      expect(exit).toEqual(clean);
    },
  );

  async function queued(setting: Setting) {
    const program = start({ ...setting, busyMs: 300 });
    const port = await program.port();
    program.child.kill('SIGTERM');
    await program.line(/^busy/);
    const waiting = await Promise.all(Array.from({ length: 80 }, () => open(port)));
    await Promise.all(waiting.map((connection) => connection.request('/')));
    const answers = await Promise.all(waiting.map((connection) => connection.answer()));
    return { answers, exit: await program.exit() };
  }

  it.each(['productionize', 'standalone'] as const)(
    'E2: 80 connections in the accept queue at the signal are all answered (%s)',
    async (way) => {
      const { answers, exit } = await queued({ way });
      expect(answers.filter((answer) => /^HTTP\/1.1 200[^]*hello$/.test(answer))).toHaveLength(80);
      expect(exit).toEqual(clean);
    },
  );

  it('E1 E2: the same requests are lost by server.close(), and without any shutdown', async () => {
    const lost = ({ answers }: { answers: string[] }) => answers.filter((answer) => answer === '').length;
    expect(lost(await buffered({ way: 'close' }))).toBe(20);
    expect(lost(await queued({ way: 'close' }))).toBe(80);
    expect(lost(await queued({ options: { gracefulShutdown: false } }))).toBe(80);
  });

  it.each(['object', 'array', 'reason', 'copied', 'removed', 'plain'])(
    'E3: an answer that was begun before the signal says Connection: close (%s head)',
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

  it('E4: an idle connection stays while there is work, and its next request is answered', async () => {
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
    expect(await kept.answer()).toMatch(/^HTTP\/1.1 200[^]*connection: close/i);
    expect(await kept.ended).toBe('end');
    expect(other.isEnded).toBe(false);
    program.child.kill('SIGUSR2');
    expect(await slow.answer()).toContain('slow 1');
    expect(await other.ended).toBe('end');
    expect(await program.exit()).toEqual(clean);
  });

  it('E4: an idle connection ends by its own timeout meanwhile', async () => {
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

  it('E6: a new connection in the delay gets its answer with Connection: close, and a 404 too', async () => {
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

  it('E7: a request of 9 s survives with no option given', async () => {
    const program = start();
    const slow = await open(await program.port());
    await slow.request('/slow/9');
    await program.line(/arrived 9/);
    program.child.kill('SIGTERM');
    const timer = setTimeout(() => program.child.kill('SIGUSR2'), 9000);
    expect(await slow.answer()).toContain('slow 9');
    clearTimeout(timer);
    expect(await program.exit()).toEqual(clean);
  }, 15_000);

  it('E8: warns with both numbers when delay and budget exceed the grace of PM2', async () => {
    const program = start(
      { options: { gracefulShutdown: { delayMs: 1000, timeoutMs: 2000 } } },
      { pm_id: '0', kill_timeout: '2500' },
    );
    expect(await program.line(/ERR_PRODUCTIONIZE_GRACE/)).toMatch(
      /3000 ms .*PM2 kills the process after 2500 ms/,
    );
    await program.port();
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual(clean);
  });

  it.each(['productionize', 'standalone'] as const)(
    'E9: what the budget cuts is named by method and route pattern, and the exit code is 1 (%s)',
    async (way) => {
      const program = start({ way, options: { gracefulShutdown: { timeoutMs: 200 } } });
      const port = await program.port();
      const slow = await Promise.all(['1', '2'].map(() => open(port)));
      for (const [i, connection] of slow.entries()) {
        await connection.request(`/slow/${i}?token=secret`);
        await program.line(new RegExp(`arrived ${i}`));
      }
      program.child.kill('SIGTERM');
      expect(await program.exit()).toEqual(cut);
      const line = [...program.out, ...program.err].find((text) => text.includes('cut after 200 ms'));
      expect(line).toContain('GET /slow/:id (2)');
      expect(line).not.toContain('secret');
      expect(await Promise.all(slow.map(({ ended }) => ended))).toHaveLength(2);
    },
  );

  it('E9: a clean drain exits 0, on SIGINT too', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const program = start();
      await program.port();
      program.child.kill(signal);
      expect(await program.exit()).toEqual(clean);
      expect(log(program).at(-1)).toMatchObject({ level: 30, msg: `${signal}: exit 0` });
    }
  });

  it('E10: event streams end with the delay, new ones begin with a jittered retry', async () => {
    const program = start({ options: { gracefulShutdown: { delayMs: 500 } } });
    const port = await program.port();
    const old = await open(port);
    await old.request('/events');
    await old.has(/data: more/);
    program.child.kill('SIGTERM');
    await program.line(/draining/);
    const fresh = await Promise.all([open(port), open(port), open(port)]);
    for (const connection of fresh) await connection.request('/events');
    for (const connection of fresh) await connection.has(/data: more/);
    expect(old.isEnded).toBe(false);
    expect(await old.ended).toBe('end');
    expect(await old.rest()).toMatch(/retry: \d{4}\n\r\n0\r\n\r\n$/);
    const hints = await Promise.all(
      fresh.map(
        async (connection) => /\r\n\r\n[^d]*retry: (\d+)\n[^]*data: first/.exec(await connection.rest())?.[1],
      ),
    );
    for (const hint of hints) expect(Number(hint)).toBeGreaterThanOrEqual(1000);
    expect(new Set(hints).size).toBeGreaterThan(1);
    expect(await program.exit()).toEqual(clean);
  });
});
