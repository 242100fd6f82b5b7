import { expressNames } from '../../helpers/express-names.js';
import { killAll, type Program, run } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(killAll);

const json = (program: Program) => program.out.map((line) => JSON.parse(line));

describe.each(expressNames)('fatalErrors with %s', (expressName) => {
  it.each(['timer', 'emitter', 'nextTick', 'rejection'])(
    'responds with 500 to the request that failed in a %s, lets the other finish and exits 1',
    async (how) => {
      const program = run('fatal.mjs', { args: [expressName, how] });
      const url = `http://127.0.0.1:${await program.port()}`;
      const slow = get(`${url}/slow`);
      await program.line(/slow arrived/);
      const guilty = await get(`${url}/die/${how}`);
      expect(guilty.status).toBe(500);
      expect(guilty.headers.connection).toBe('close');
      expect(guilty.text).not.toContain('escaped');
      expect(await slow).toMatchObject({ status: 200, text: 'slow is done' });
      expect(await program.exit()).toEqual({ code: 1, signal: null });
      const lines = json(program);
      expect(lines.at(-1)).toMatchObject({ level: 60, route: '/die/:how', err: { message: 'escaped' } });
      expect(lines.filter(({ status }) => status === 500)).toHaveLength(1);
    },
  );

  it('responds alone with a 500 that no cache stores, whatever the route has set', async () => {
    const program = run('fatal-standalone.mjs', { args: [expressName] });
    const { status, headers, text } = await get(`http://127.0.0.1:${await program.port()}/`);
    expect([status, headers['cache-control'], text]).toEqual([500, 'no-store', '']);
    for (const name of ['x-accel-expires', 'etag', 'content-type']) expect(headers).not.toHaveProperty(name);
    expect((await program.exit()).code).toBe(1);
  });

  it('resets the guilty request when its headers are sent', async () => {
    const program = run('fatal.mjs', { args: [expressName, 'partial'] });
    const answer = await get(`http://127.0.0.1:${await program.port()}/die/partial`).catch(() => ({
      cut: true,
    }));
    expect(answer.cut).toBe(true);
    expect((await program.exit()).code).toBe(1);
  });

  it('takes the same path for a rejection outside requests', async () => {
    const program = run('fatal.mjs', { args: [expressName, 'no-request'] });
    expect((await program.exit()).code).toBe(1);
    expect(json(program).at(-1)).toMatchObject({ level: 60, err: { message: 'outside requests' } });
  });

  it("neither hides the app's own uncaughtException listener nor exits twice", async () => {
    const program = run('fatal.mjs', { args: [expressName, 'own-log'] });
    const answer = await get(`http://127.0.0.1:${await program.port()}/die/timer`);
    expect(answer.status).toBe(500);
    expect((await program.exit()).code).toBe(1);
    expect(program.err).toContain('the listener of the app ran');
    expect(json(program).filter(({ level }) => level === 60)).toHaveLength(1);
  });

  it("lets the app's own listener choose the exit code", async () => {
    const program = run('fatal.mjs', { args: [expressName, 'own-exit'] });
    await get(`http://127.0.0.1:${await program.port()}/die/timer`).catch(() => undefined);
    expect((await program.exit()).code).toBe(7);
    expect(json(program).filter(({ level }) => level === 60)).toHaveLength(1);
  });

  it('exits immediately with drainMs 0, and still responds to the failed request', async () => {
    const options = JSON.stringify({ fatalErrors: { drainMs: 0 } });
    const program = run('fatal.mjs', { args: [expressName, 'timer', options] });
    const url = `http://127.0.0.1:${await program.port()}`;
    const slow = get(`${url}/slow`).catch(() => 'cut');
    await program.line(/slow arrived/);
    expect((await get(`${url}/die/timer`)).status).toBe(500);
    expect((await program.exit()).code).toBe(1);
    expect(await slow).toBe('cut');
  });

  it('has no process listener when switched off', async () => {
    const options = JSON.stringify({ fatalErrors: false });
    const program = run('fatal.mjs', { args: [expressName, 'timer', options] });
    await get(`http://127.0.0.1:${await program.port()}/die/timer`).catch(() => undefined);
    expect((await program.exit()).code).toBe(1);
    expect(program.err.join('\n')).toMatch(/Node\.js v\d+/);
  });
});
