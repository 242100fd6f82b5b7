import { setTimeout as delay } from 'node:timers/promises';
import { expressNames } from '../../helpers/express-names.js';
import { itNeeds } from '../../helpers/needs.js';
import { clean, cleanUp, cut, log, open, starter } from '../../helpers/shutdowns.js';

afterEach(cleanUp);

describe.each(expressNames)('gracefulShutdown on %s', (expressName) => {
  const start = starter(expressName);

  it('warns with both numbers when delay and budget exceed the grace of PM2', async () => {
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
    'what the budget cuts is named by method and route pattern, and the exit code is 1 (%s)',
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
      const line = [...program.out, ...program.err].find((text) => text.includes('closed after 200 ms'));
      expect(line).toContain('GET /slow/:id (2)');
      expect(line).not.toContain('secret');
      expect(await Promise.all(slow.map(({ ended }) => ended))).toHaveLength(2);
    },
  );

  it('a clean drain exits 0, on SIGINT too', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const program = start();
      await program.port();
      program.child.kill(signal);
      expect(await program.exit()).toEqual(clean);
      expect(log(program).at(-1)).toMatchObject({ level: 30, msg: `${signal}: exit 0` });
    }
  });

  it('event streams end with the delay, new ones begin with a jittered retry', async () => {
    const program = start({ options: { gracefulShutdown: { delayMs: 2000 } } });
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
        async (connection) => /\r\n\r\n[^d]*retry: (\d+)\n.*data: first/s.exec(await connection.rest())?.[1],
      ),
    );
    for (const hint of hints) expect(Number(hint)).toBeGreaterThanOrEqual(1000);
    expect(new Set(hints).size).toBeGreaterThan(1);
    expect(await program.exit()).toEqual(clean);
  });

  it('closers of upgraded sockets run, and the sockets are destroyed only at the budget', async () => {
    const options = { gracefulShutdown: { timeoutMs: 600 } };
    const program = start({ options, drains: ['websockets'], upgrade: true });
    const port = await program.port();
    const upgraded = await open(port);
    await upgraded.request('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n');
    await upgraded.has(/101/);
    const signalled = performance.now();
    program.child.kill('SIGTERM');
    await program.line(/told websockets/);
    await upgraded.send('still there');
    await upgraded.has(/echo still there/);
    await upgraded.ended;
    expect(performance.now() - signalled).toBeGreaterThan(590);
    expect(await program.exit()).toEqual(cut);
    expect(log(program).find(({ msg }) => msg.includes('closed after'))).toMatchObject({
      open: ['upgraded connection'],
    });
  });

  it.each(['development', undefined])(
    'an open WebSocket and a request that hangs hold up the exit for 500 ms where NODE_ENV is %s',
    async (NODE_ENV) => {
      const program = start({ upgrade: true, timed: true }, { NODE_ENV });
      const port = await program.port();
      const upgraded = await open(port);
      await upgraded.request('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n');
      await upgraded.has(/101/);
      const slow = await open(port);
      await slow.request('/slow/1');
      await program.line(/arrived 1/);
      program.child.kill('SIGTERM');
      expect(await program.exit()).toEqual(cut);
      const took = Number(/exit after (\d+)/.exec(await program.line(/exit after/))?.[1]);
      expect(took).toBeGreaterThan(490);
      expect(took).toBeLessThan(1000);
    },
  );

  it('an upgraded socket that closes on request lets the process exit 0 immediately', async () => {
    const program = start({ drains: ['websockets'], upgrade: 'leaves' });
    const upgraded = await open(await program.port());
    await upgraded.request('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n');
    await upgraded.has(/101/);
    program.child.kill('SIGTERM');
    await upgraded.ended;
    expect(await program.exit()).toEqual(clean);
  });

  it('SIGTERM before listen exits 0 and never opens the port', async () => {
    const program = start({ beforeListen: true, hooks: [{ name: 'slow one', how: 'release' }] });
    await program.line(/before listen/);
    program.child.kill('SIGTERM');
    await program.line(/hook slow one/);
    program.child.kill('SIGUSR2');
    expect(await program.exit()).toEqual(clean);
    expect(program.err.join()).not.toMatch(/listening/);
  });

  it('a second SIGTERM within 5 s changes nothing', async () => {
    const program = start();
    const slow = await open(await program.port());
    await slow.request('/slow/1');
    await program.line(/arrived 1/);
    program.child.kill('SIGTERM');
    await program.line(/draining/);
    program.child.kill('SIGTERM');
    program.child.kill('SIGUSR2');
    expect(await slow.answer()).toContain('slow 1');
    expect(await program.exit()).toEqual(clean);
  });

  it('a third SIGTERM exits immediately and lists what is in flight', async () => {
    const program = start({}, { DEBUG: 'productionize:graceful-shutdown' });
    const again = await open(await program.port());
    await again.request('/slow/1');
    await program.line(/arrived 1/);
    for (const line of [/draining/, /second SIG/, /forced/]) {
      program.child.kill('SIGTERM');
      await program.line(line);
    }
    expect(await program.exit()).toEqual(cut);
    expect(log(program).at(-1)).toMatchObject({ level: 50, open: ['GET /slow/:id'] });
  });

  itNeeds('script')(
    'a second Ctrl-C on a terminal exits immediately and lists what is in flight',
    async () => {
      const program = start({ terminal: true });
      const slow = await open(await program.port());
      await slow.request('/slow/1');
      await program.line(/arrived 1/);
      const controlC = () => program.child.stdin?.write('\u0003');
      controlC();
      await program.line(/SIGINT: draining/);
      // two presses of a hand, which one press that is delivered twice is told from
      await delay(200);
      controlC();
      expect(await program.exit()).toEqual(cut);
      // the terminal shows ^C in front
      const last = program.out.findLast((line) => line.includes('{"level":50')) ?? '';
      expect(JSON.parse(last.slice(last.indexOf('{')))).toMatchObject({ open: ['GET /slow/:id'] });
    },
  );
});
