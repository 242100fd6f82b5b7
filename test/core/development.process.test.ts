import { itNeeds } from '../helpers/needs.js';
import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

describe.each(['express', 'express4'])(
  'an app with views, sessions and forms in development, %s',
  (EXPRESS) => {
    const env = { NODE_ENV: 'development', NO_COLOR: '1', EXPRESS };

    itNeeds('script')('prints its requests and its error on a terminal, and no warning', async () => {
      const program = run('development.cjs', { terminal: true, env });
      await program.exit();
      const text = program.out.join('\n');
      expect(text).toMatch(/^statuses 200 200 200 500 200 404 201 201/m);
      expect(text).toMatch(/Error: the database is down\r?\n\s+at \S*development\.cjs:\d+/);
      expect(text).not.toMatch(/warning|ERR_PRODUCTIONIZE/i);
      expect(program.err.join('\n')).toBe('');
    });

    it('prints no warning on a pipe', async () => {
      const program = run('development.cjs', { env });
      expect(await program.exit()).toEqual({ code: 0, signal: null });
      expect(program.out).toContain('statuses 200 200 200 500 200 404 201 201');
      expect(program.err.join('\n')).not.toMatch(/warning|ERR_PRODUCTIONIZE/i);
    });
  },
);
