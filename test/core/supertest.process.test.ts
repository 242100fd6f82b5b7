import { expressNames } from '../helpers/express-names.js';
import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

describe.each(expressNames)('supertest on %s', (express) => {
  it.each([
    ['before', 'test'],
    ['after', 'test'],
    ['before', 'production'],
    ['before', 'development'],
  ])(
    'gets its responses and has no open handle at the end, productionized %s the routes in %s',
    async (way, mode) => {
      const program = run('real-supertest.mjs', { args: [way, express], env: { NODE_ENV: mode } });
      expect(await program.exit()).toEqual({ code: 0, signal: null });
      // as with Express itself, the page of an error has its stack where NODE_ENV is set to test or development
      expect(program.err).toContain(`done ["application/json",5000,${mode !== 'production'}]`);
    },
  );
});
