import { execFileSync } from 'node:child_process';
import { deploy } from '../../src/cli/deploy.js';
import { proofFlags } from '../../src/cli/prove/index.js';
import { installFlags } from '../../src/cli/unit-install.js';
import { watchFlags } from '../../src/cli/watch/index.js';
import { type DeploymentFacts, deploymentFiles } from '../../src/deploy/index.js';
import { fingerprint, hasOrigin } from '../../src/deploy/origin.js';
import { shellWord, shellWords } from '../../src/deploy/shell-word.js';
import { targets } from '../../src/deploy/targets/index.js';
import { plainFacts } from '../helpers/facts.js';

const facts: DeploymentFacts = { ...plainFacts, name: 'app', health: null };

describe('the first comment of a file', () => {
  it('is the command that writes it again, the fingerprint and the versions', () => {
    const [file] = deploymentFiles(
      'procfile',
      facts,
      {},
      'express-productionize deploy procfile app.js',
    ).files;
    expect(file?.text).toMatch(
      /^# Written by npx express-productionize deploy procfile app\.js\n# Facts [\da-f]{12}, express-productionize \d+\.\d+\.\d+, for \S+ or later\n/,
    );
    expect(hasOrigin(file?.text ?? '')).toBe(true);
    expect(hasOrigin('web: node app.js\n')).toBe(false);
  });

  it('has a fingerprint that depends on each fact, and not on the order of the facts', () => {
    const of = (changed: DeploymentFacts) => fingerprint({ target: 'nginx', facts: changed, options: {} });
    const reversed = Object.fromEntries(Object.entries(facts).reverse()) as unknown as DeploymentFacts;
    expect(of(reversed)).toBe(of(facts));
    expect(of({ ...facts, port: 3001 })).not.toBe(of(facts));
  });
});

it.each(['app.js', "it's", '', 'a b', '$(x)', 'two\nlines', "\u2028'\\\r", '`x`', '*', '-n'])(
  'the word %j is one line, and a shell reads it unchanged',
  (word) => {
    const quoted = shellWord(word);
    expect(quoted).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(shellWords(`one ${quoted} two`)).toEqual(['one', word, 'two']);
    const env = { ...process.env, LC_ALL: 'C.UTF-8' };
    expect(execFileSync('bash', ['-c', `printf %s. ${quoted}`], { encoding: 'utf8', env })).toBe(`${word}.`);
  },
);

describe('wrong facts are refused', () => {
  it.each([
    [{ script: 'a\nb.js' }, /`script` to be text without control characters/],
    [{ script: '../app.js' }, /`script` to be a path below the project/],
    [{ name: 'My App' }, /`name` to be a name of up to 50/],
    [{ health: { liveness: '/a b', readiness: '/b', startup: '/c' } }, /`health` to be .*`liveness`/],
    [{ webSocketPaths: ['/a;}'], sessionCookies: ['a b'] }, /`sessionCookies` to be an array, each the name/],
    [
      { staticDirectories: [{ path: '/', directory: '/etc', behind: [] }] },
      /`staticDirectories` to be an array, each an object with `directory` as a path below/,
    ],
    [{ port: undefined }, /`port` to be a whole number/],
  ])('%j', (wrong, message) => {
    expect(() => deploymentFiles('procfile', { ...facts, ...wrong } as DeploymentFacts)).toThrow(message);
  });

  it('an unknown target and an unknown option', () => {
    expect(() => deploymentFiles('toString' as never, facts)).toThrow(/expected one of .*procfile/);
    expect(() => deploymentFiles('procfile', facts, { none: 1 } as object)).toThrow(/unknown option 'none'/);
  });
});

it('no option of a target has the name of another flag of the command', () => {
  const own = [
    ...[
      'check',
      'config',
      'port',
      'seconds',
      'out',
      'force',
      'json',
      ...Object.keys({ ...proofFlags, ...installFlags, ...watchFlags }),
    ],
    ...['workers', 'memory', 'event-streams', 'web-sockets', 'body-limit'],
  ];
  const flags = Object.values(targets).flatMap(({ options }) =>
    Object.keys(options).map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
  );
  expect(Object.keys(deploy.options).sort()).toEqual([...new Set([...own, ...flags])].sort());
  expect(flags.filter((flag) => own.includes(flag))).toEqual([]);
});
