import { expressNames } from '../../helpers/express-names.js';
import { killAll, type Program, run } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(killAll);

const json = (program: Program) => program.out.map((line) => JSON.parse(line));

describe.each(expressNames)('fatalErrors with %s', (expressName) => {
  describe.each([{}, { drainMs: 0 }])('beside another uncaughtException listener, with %j', (fatalErrors) => {
    it.each([
      ['report-exit', 'timer'],
      ['report-once', 'timer'],
      ['report-once', 'rejection'],
    ])('does not exit before its report is sent (%s, %s)', async (way, how) => {
      const program = run('fatal.mjs', { args: [expressName, way, JSON.stringify({ fatalErrors })] });
      const answer = await get(`http://127.0.0.1:${await program.port()}/die/${how}`);
      expect(answer.status).toBe(500);
      const failed = performance.now();
      expect((await program.exit()).code).toBe(1);
      expect(performance.now() - failed).toBeLessThan(1800);
      expect(program.err).toContain('report sent');
      expect(json(program).filter(({ level }) => level === 60)).toHaveLength(1);
    });

    it('waits no longer than reportMs', async () => {
      const options = JSON.stringify({ fatalErrors: { ...fatalErrors, reportMs: 400 } });
      const program = run('fatal.mjs', { args: [expressName, 'report-forever', options] });
      await get(`http://127.0.0.1:${await program.port()}/die/timer`);
      const failed = performance.now();
      expect((await program.exit()).code).toBe(1);
      expect(performance.now() - failed).toBeLessThan(1800);
      expect(program.err).toContain('report sent');
    });
  });

  describe.each(['before', 'after'])('beside an unhandledRejection listener added %s the call', (when) => {
    const start = async (what: string, nodeArgs: string[] = []) => {
      const program = run('rejection-listeners.mjs', { args: [expressName, when, what], nodeArgs });
      return { program, url: `http://127.0.0.1:${await program.port()}/reject` };
    };
    const lines = (program: Program) =>
      json(program).flatMap(({ level, origin, err }) => (origin ? [`${level} ${err.message}`] : []));

    it('leaves the first rejection to a once listener, and exits after the second', async () => {
      const { program, url } = await start('once');
      expect((await get(`${url}/first`)).status).toBe(202);
      expect((await get(`${url}/second`)).status).toBe(500);
      expect((await program.exit()).code).toBe(1);
      expect(lines(program)).toEqual(['50 first', '50 second', '60 second']);
      expect(program.err.filter((line) => line.includes('received'))).toHaveLength(1);
    });

    it.each([
      ['throws', [], 1, ['50 first', '60 first']],
      ['throws', ['--unhandled-rejections=strict'], 1, ['50 first', '60 first']],
      ['throws another', [], 1, ['50 first', '50 failed itself', '60 failed itself']],
      ['exits', [], 3, ['50 first']],
      ['is removed', [], 1, ['50 first', '60 first']],
      ['is removed with all others', [], 1, ['50 first', '60 first']],
    ])(
      'logs the rejection once as an error when the listener %s %j',
      async (what, nodeArgs, code, logged) => {
        const { program, url } = await start(what, nodeArgs);
        await get(`${url}/first`).catch(() => undefined);
        expect((await program.exit()).code).toBe(code);
        expect(lines(program)).toEqual(logged);
      },
    );
  });
});
