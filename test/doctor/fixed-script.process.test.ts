import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cleanUp, cli } from '../helpers/cli.js';

const root = path.resolve(__dirname, '../..');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'doctor-fix-'));
  mkdirSync(path.join(directory, 'node_modules'));
  for (const name of ['express', 'express4']) {
    symlinkSync(path.join(root, 'node_modules', name), path.join(directory, 'node_modules', name));
  }
  write('package.json', '{}');
});
afterEach(() => {
  cleanUp();
  rmSync(directory, { recursive: true });
});

const file = (name: string) => path.join(directory, name);
const write = (name: string, text: string) => writeFileSync(file(name), text);
const read = (name: string) => readFileSync(file(name), 'utf8');
const install = () => symlinkSync(root, file('node_modules/express-productionize'));
const fix = (name: string, ...flags: string[]) =>
  cli(['doctor', file(name), '--ci', '--only', 'powered-by', '--fail-on', 'never', '--fix', ...flags]);

const app = (express: string) =>
  `import express from '${express}';\n\nconst app = express();\napp.get('/', (_req, res) => res.send('ok'));\napp.listen(0);\n`;

it.each(['express', 'express4'])(
  'the line is written when it is confirmed, and the app starts with it, on %s',
  async (express) => {
    install();
    write('app.mjs', app(express));
    const asked = await fix('app.mjs');
    expect(asked.out).toMatch(/^\+ {0,2}productionize\(app\);$/m);
    expect(asked.out).toContain('Nothing was written.');
    expect(read('app.mjs')).toBe(app(express));

    const { code, out } = await fix('app.mjs', '--yes');
    expect([code, out]).toEqual([0, expect.stringMatching(/was written, and the app starts with it\.\s*$/)]);
    expect(read('app.mjs')).toBe(
      `import { productionize } from 'express-productionize';\n${app(express).replace('express();\n', 'express();\nproductionize(app);\n')}`,
    );
    expect((await fix('app.mjs', '--yes')).out).toMatch(/nothing to add, the app calls productionize/);
  },
);

it('the file that creates the app is written, and not the script', async () => {
  install();
  write('make.cjs', "exports.make = () => {\n  const app = require('express')();\n  return app;\n};\n");
  write('app.cjs', "require('./make.cjs').make().listen(0);\n");
  expect((await fix('app.cjs', '--yes')).out).toMatch(
    /expression that is more than a declaration \(.*make\.cjs:2\)/,
  );
  write(
    'make.cjs',
    "const express = require('express');\nexports.make = () => {\n  const app = express();\n  return app;\n};\n",
  );
  await fix('app.cjs', '--yes');
  expect(read('make.cjs')).toContain(
    "  const app = express();\n  require('express-productionize').productionize(app);\n  return app;",
  );
  expect(read('app.cjs')).toBe("require('./make.cjs').make().listen(0);\n");
});

it('a file is put back when the app does not start with the line', async () => {
  install();
  const text = `const express = require('express');
const app = express();
if (require('node:fs').readFileSync(__filename, 'utf8').includes('.produc' + 'tionize(app)')) throw new Error('changed');
app.listen(0);
`;
  write('app.cjs', text);
  const { code, out } = await fix('app.cjs', '--yes');
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/app\.cjs is as before: with the line, .*exit code 1/),
  ]);
  expect(read('app.cjs')).toBe(text);
});

it('nothing is written where the package is not installed, or a package creates the app', async () => {
  const text = "const express = require('express');\nconst app = express();\napp.listen(0);\n";
  write('app.cjs', text);
  expect((await fix('app.cjs', '--yes')).out).toMatch(
    /express-productionize is not installed there: npm install/,
  );
  expect(read('app.cjs')).toBe(text);

  install();
  mkdirSync(file('node_modules/made'));
  write('node_modules/made/index.js', text);
  write('app.cjs', "require('made');\n");
  expect((await fix('app.cjs', '--yes')).out).toMatch(/the app is created by a package/);
  expect(read('node_modules/made/index.js')).toBe(text);
});

it.each([
  [['--yes'], /--yes: expected --fix/],
  [['--fix', '--json'], /--fix: not beside --json/],
])('%j is refused', async (flags, message) => {
  write('app.cjs', '');
  const { code, err } = await cli(['doctor', file('app.cjs'), ...flags]);
  expect([code, err]).toEqual([2, expect.stringMatching(message)]);
});
