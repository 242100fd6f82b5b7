import { cleanUp, cli } from '../helpers/cli.js';
import { folder } from '../helpers/clusters.js';

afterEach(cleanUp);

describe('arguments', () => {
  it.each([
    [[], 2, /^express-productionize <command>/],
    [['fly'], 2, /^unknown command "fly"/],
    [['toString'], 2, /^unknown command "toString"/],
    [['start'], 2, /^start: expected the script of an app/],
    [['start', 'missing.js'], 2, /^start: there is no script ".*missing\.js"/],
    [
      ['start', 'a.js', 'b.js'],
      2,
      /^start: unexpected argument "b\.js"\. Arguments of the script stand behind `--`/,
    ],
    [['start', 'a.js', '--wokers', '2'], 2, /^Unknown option '--wokers'/],
    [
      ['start', 'package.json', '--workers', 'many'],
      2,
      /^--workers: expected a whole number from 1 to 1024, got "many"/,
    ],
    [['scale'], 2, /^scale: expected the number of workers/],
    [['scale', '0'], 2, /^scale: expected a whole number from 1 to 1024, got "0"/],
    [['status', 'now'], 2, /^unexpected argument "now"/],
    [['stop', '--pid', 'x'], 2, /^--pid: expected a whole number/],
  ])('%j: exit code %i', async (args, code, message) => {
    const done = await cli(args, { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: folder() });
    expect(done.code).toBe(code);
    expect(done.err).toMatch(message);
  });

  it('--help of each command goes to stdout, with exit code 0', async () => {
    const general = await cli(['--help']);
    expect(general).toMatchObject({ code: 0, err: '' });
    expect(general.out).toMatch(/Exit codes: 0 done, 1 failed, 2 wrong arguments/);
    for (const name of ['start', 'status', 'reload', 'scale', 'stop']) {
      expect(general.out).toContain(`  ${name}`);
      const own = await cli([name, '--help']);
      expect(own).toMatchObject({ code: 0, err: '' });
      expect(own.out).toMatch(new RegExp(`^express-productionize ${name} `));
    }
    expect((await cli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/);
  });
});
