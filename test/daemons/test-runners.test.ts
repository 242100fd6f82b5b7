import fs from 'node:fs';
import path from 'node:path';
import { installed } from '../helpers/installed.js';
import { killAll, run } from '../helpers/program.js';

const directory = path.join(__dirname, '../fixtures/runners');
const files = ['one', 'two', 'three'].map((name) => path.join(directory, `${name}-${process.pid}.test.cjs`));

beforeAll(() => {
  for (const file of files) fs.copyFileSync(path.join(directory, 'suite.cjs'), file);
});
afterEach(killAll);
afterAll(() => {
  for (const file of files) fs.rmSync(file);
  // the cache of Vitest
  fs.rmSync(path.join(directory, 'node_modules'), { recursive: true, force: true });
});

const jestProgram = path.join(__dirname, '../../node_modules/jest/bin/jest.js');
const config = JSON.stringify({
  rootDir: directory,
  testRegex: `-${process.pid}\\.test\\.cjs$`,
  testEnvironment: 'node',
});

it.each([
  ['test', 'jest'],
  ['production', 'jest'],
  ['development', 'jest'],
  ['test', 'mocha'],
  ['production', 'mocha'],
])(
  'with NODE_ENV=%s, several test files of one process of %s leave no handle open',
  async (NODE_ENV, name) => {
    const program =
      name === 'jest'
        ? run(jestProgram, {
            args: ['--config', config, '-i', '--detectOpenHandles'],
            env: { NODE_ENV },
            cwd: directory,
          })
        : run(path.join(installed('mocha', '11'), 'node_modules/mocha/bin/mocha.js'), {
            args: files,
            env: { NODE_ENV },
          });
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    const printed = [...program.out, ...program.err].join('\n');
    expect(printed).toMatch(/3 passed|3 passing/);
    expect(printed).not.toMatch(/open handle|did not exit/);
  },
);

it.each(['test', 'production'])('with NODE_ENV=%s, node:test ends by itself', async (NODE_ENV) => {
  const [first, ...others] = files;
  const program = run(first as string, { nodeArgs: ['--test'], args: others, env: { NODE_ENV } });
  expect(await program.exit()).toEqual({ code: 0, signal: null });
  expect(program.out.join('\n')).toMatch(/pass 3$/m);
});

/** Vitest 5 requires Node 22.12. On Node 20 it runs on Node 24. */
function nodeForVitest(): string {
  if (Number(process.versions.node.split('.', 1)) >= 22) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  return path.join(installed(name, '24'), `node_modules/${name}/bin/node`);
}

it.each([
  ['test', 'threads'],
  ['production', 'threads'],
  ['production', 'forks'],
  ['development', 'forks'],
])(
  'with NODE_ENV=%s, several test files in one worker of Vitest leak nothing, pool %s',
  async (NODE_ENV, pool) => {
    // the bundler of Vitest has a native binding, which is an optional package
    const vitest = path.join(installed('vitest', '5.1.2', '--include=optional'), 'node_modules/vitest');
    const settings = ['--globals', '--detectAsyncLeaks', '--no-isolate', '--no-file-parallelism'];
    const reporters = ['--reporter=default', '--reporter=hanging-process'];
    const args = [
      'run',
      '--root',
      directory,
      '--pool',
      pool,
      ...settings,
      ...reporters,
      `${process.pid}.test`,
    ];
    const program = run(nodeForVitest(), {
      executable: true,
      args: [path.join(vitest, 'vitest.mjs'), ...args],
      env: { NODE_ENV, NO_COLOR: '1' },
    });
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    const printed = [...program.out, ...program.err].join('\n');
    expect(printed).toMatch(/Tests +3 passed \(3\)/);
    expect(printed).not.toMatch(/leak|hanging|close timed out|warning|error/i);
  },
);
