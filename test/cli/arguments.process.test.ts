import { execFileSync } from 'node:child_process';
import { cleanUp, cli, program } from '../helpers/cli.js';
import { folder } from '../helpers/clusters.js';
import { run } from '../helpers/program.js';

afterEach(cleanUp);

describe('arguments', () => {
  it.each([
    [[], 2, /^Usage: express-productionize <command>/],
    [['fly'], 2, /^unknown command "fly"\.\n/],
    [['strat'], 2, /^unknown command "strat"\. Did you mean start\?/],
    [['toString'], 2, /^unknown command "toString"/],
    [['start'], 2, /^start: expected the script of an app/],
    [['start', 'missing.js'], 2, /^start: there is no script ".*missing\.js"/],
    [
      ['start', 'a.js', 'b.js'],
      2,
      /^start: unexpected argument "b\.js"\. Arguments of the script follow `--`/,
    ],
    [['start', 'a.js', '--wokers', '2'], 2, /^start: unknown option --wokers\. Did you mean --workers\?/],
    [
      ['start', 'package.json', '--workers', 'many'],
      2,
      /^--workers: expected a whole number from 1 to 1024, or max, got "many"/,
    ],
    [['status', '--worker'], 2, /^status: unknown option --worker\.\n/],
    [['deploy'], 2, /^deploy: expected a target, one of compose, .*procfile, .*facts/],
    [['deploy', 'procfil'], 2, /^deploy: expected a target.*got "procfil"\. Did you mean procfile\?/],
    [
      ['deploy', 'procfile', 'package.json', '--prove'],
      2,
      /^--prove: expected one of nginx, haproxy, varnish/,
    ],
    [['deploy', 'nginx', 'package.json', '--path', '/a'], 2, /^--path and --upload belong to --prove/],
    [['deploy', 'nginx', 'package.json', '--prove', '--path', 'a'], 2, /^--path: expected a path/],
    [['deploy', 'pm2', 'package.json', '--watch', 'local'], 2, /^--watch: expected one of nginx, haproxy/],
    [['deploy', 'nginx', 'package.json', '--watch', 'local'], 2, /^--watch: pass --out/],
    [['deploy', 'nginx', 'package.json', '--unseen', '5'], 2, /^--unseen belongs to --watch/],
    [['deploy', 'nginx', '--watch', 'a@-oProxyCommand=x:/', '--out', '.'], 2, /^deploy: expected user@host/],
    [['deploy', 'nginx', '--watch', 'local,all', '--out', '.'], 2, /^--watch: expected local or user@host/],
    [['status', '--every', '0'], 2, /^--every: expected a whole number/],
    [['deploy', 'pm2', 'package.json', '--install'], 2, /^--install and --dry-run are options of systemd/],
    [['deploy', 'facts', 'missing.js'], 2, /^deploy: there is no script/],
    [['deploy', 'facts', 'package.json', '--body-limit', 'big'], 2, /^--body-limit: expected bytes/],
    [['deploy', 'facts', 'package.json', '--event-streams', 'a'], 2, /^--event-streams: expected paths/],
    [['release'], 2, /^release: expected one of pack, deploy, rollback, list/],
    [['release', 'rolback', '.'], 2, /^release: expected one of .*got "rolback"\. Did you mean rollback\?/],
    [['release', 'deploy'], 2, /^release deploy: expected a target/],
    [['release', 'list', '.', '--keep', '1'], 2, /^--keep is an option of release deploy, not of list/],
    [['release', 'deploy', '-oProxyCommand=x:/srv'], 2, /^release: unknown option -o/],
    [['release', 'list', 'user@-oProxyCommand=x:/srv'], 2, /^release: expected user@host:directory, got/],
    [['release', 'list', '.', '--', 'x'], 2, /^release: arguments after `--` are options of --start/],
    [['help', 'drll'], 2, /^unknown command "drll"\. Did you mean drill\?/],
    [['completion', 'tcsh'], 2, /^completion: expected bash, zsh or fish, got "tcsh"/],
    [['start', 'package.json', '--config', 'none.js'], 2, /^--config: there is no file ".*none\.js"/],
    [['start', 'package.json', '--config', 'README.md'], 2, /^--config: expected a \.js or \.json file/],
    [
      ['start', 'package.json', '--max-memory', '90%'],
      2,
      /^--max-memory: expected a fraction above 0 and at most 1, bytes from 1M such as 512M, or off, got "90%"/,
    ],
    [['scale'], 2, /^scale: expected the number of workers/],
    [['scale', '0'], 2, /^scale: expected a whole number from 1 to 1024, or max, got "0"/],
    [['status', 'now'], 2, /^status: unexpected argument "now"/],
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
    for (const name of [
      'start',
      'status',
      'reload',
      'scale',
      'stop',
      'metrics',
      'health',
      'drill',
      'deploy',
      'release',
      'precompress',
      'completion',
      'help',
    ]) {
      expect(general.out).toContain(`  ${name}`);
      const own = await cli([name, '--help']);
      expect(own).toMatchObject({ code: 0, err: '' });
      expect(own.out).toMatch(new RegExp(`^Usage: express-productionize ${name} `));
      expect(own.out.match(/^ {2}express-productionize /gm)).toHaveLength(2);
      expect((await cli(['help', name])).out).toBe(own.out);
      expect(own.out).not.toContain('\x1b');
    }
    expect((await cli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/);
    const described: { name: string }[] = JSON.parse((await cli(['help', '--json'])).out);
    expect(described.map(({ name }) => name)).toContain('drill');
  });

  it('completion completes commands, options and names in bash', async () => {
    const { out: script } = await cli(['completion', 'bash']);
    const complete = (...words: string[]) => {
      const list = ['express-productionize', ...words].map((word) => `'${word}'`).join(' ');
      const source = `${script}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length}; _express_productionize; echo "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', source], { encoding: 'utf8', cwd: __dirname }).trim();
    };
    expect(complete('st')).toBe('start status stop');
    expect(complete('start', '--wo')).toBe('--workers');
    expect(complete('help', 'dr')).toBe('drill');
    expect(complete('deploy', 'proc')).toBe('procfile');
    expect(complete('release', 'roll')).toBe('rollback');
    expect(complete('release', '--reload')).toBe('--reload-command');
    expect(complete('start', 'argum')).toBe('arguments.process.test.ts');
  });

  it('completion has a script for fish and zsh, also as JSON', async () => {
    const fish = await cli(['completion', 'fish']);
    expect(fish.out).toContain("-n '__fish_seen_subcommand_from start' -l workers -s w -r");
    const { shell, script } = JSON.parse((await cli(['completion', 'zsh', '--json'])).out);
    expect([shell, script]).toEqual(['zsh', expect.stringContaining('bashcompinit')]);
  });

  it.each([
    [{}, true],
    [{ NO_COLOR: '1' }, false],
  ])('on a terminal with %j colours are %s', async (env, coloured) => {
    const shown = run(program, {
      args: ['help'],
      terminal: true,
      // Node reports no colours in CI
      env: { TERM: 'xterm', CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, ...env },
    });
    await shown.exit();
    expect(shown.out.join('\n').includes('\x1b[1mUsage:')).toBe(coloured);
  });
});
