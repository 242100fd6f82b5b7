import fs from 'node:fs';
import path from 'node:path';
import { installed } from '../helpers/installed.js';
import { killAll, run } from '../helpers/program.js';

const directory = path.join(__dirname, '../fixtures/runners');
const files = ['one', 'two', 'three'].map((name) => path.join(directory, `${name}-${process.pid}.cjs`));

beforeAll(() => {
  for (const file of files) fs.copyFileSync(path.join(directory, 'suite.cjs'), file);
});
afterEach(killAll);
afterAll(() => {
  for (const file of files) fs.rmSync(file);
});

const jestProgram = path.join(__dirname, '../../node_modules/jest/bin/jest.js');
const config = JSON.stringify({
  rootDir: directory,
  testRegex: `-${process.pid}\\.cjs$`,
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
