import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Linter } from 'eslint';
import { eslintConfig } from '../../src/eslint/index.js';

const root = path.join(__dirname, '../..');
const modules = path.join(root, 'node_modules');
const entry = pathToFileURL(path.join(root, 'dist/eslint.js')).href;

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

/** The rules that the real ESLint names, by file. */
function lint(files: Record<string, string>, hasPlugins = true): Promise<Record<string, string[]>> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'lint-'));
  directories.push(directory);
  if (hasPlugins) symlinkSync(modules, path.join(directory, 'node_modules'));
  const all = {
    'eslint.config.mjs': `import { eslintConfig } from '${entry}';\nexport default eslintConfig();`,
    'package.json': '{ "name": "app" }',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) writeFileSync(path.join(directory, name), text);
  const program = path.join(modules, 'eslint/bin/eslint.js');
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [program, '--format', 'json', ...Object.keys(files)],
      { cwd: directory },
      (error, out, err) => {
        if (error && error.code !== 1) return reject(new Error(err));
        const results = JSON.parse(out) as { filePath: string; messages: { ruleId: string }[] }[];
        resolve(
          Object.fromEntries(
            results.map(({ filePath, messages }) => [
              path.basename(filePath),
              messages.map(({ ruleId }) => ruleId),
            ]),
          ),
        );
      },
    );
  });
}

const express = "const app = require('express')();\n";
/** Each rule with code that it names, and with code that does the same without the fault. */
const cases: Record<string, [sick: string, healthy: string]> = {
  'no-undef': ['module.exports = () => respnse;', 'module.exports = (response) => response;'],
  'n/no-sync': [
    `${express}const fs = require('node:fs');
app.get('/', (_req, res) => res.send(fs.readFileSync('a.txt', 'utf8')));`,
    `${express}const fs = require('node:fs');
const text = fs.readFileSync('a.txt', 'utf8');
app.get('/', (_req, res) => res.send(text));`,
  ],
  'n/no-deprecated-api': ["require('node:domain').create();", "require('node:async_hooks');"],
  'n/handle-callback-err': [
    "require('node:fs').stat('a.txt', (err, stats) => { console.log(stats); });",
    "require('node:fs').stat('a.txt', (err, stats) => { console.log(err ?? stats); });",
  ],
  'promise/catch-or-return': [
    "fetch('http://localhost').then((res) => res.status);",
    "fetch('http://localhost').then((res) => res.status).catch(console.error);",
  ],
  'security/detect-eval-with-expression': [
    `${express}app.get('/', (req, res) => res.send(eval(req.query.code)));`,
    `${express}app.get('/', (req, res) => res.send(JSON.parse(req.query.code)));`,
  ],
  'security/detect-unsafe-regex': ['exports.pattern = /(x+x+)+y/;', 'exports.pattern = /x+y/;'],
};

describe('the configuration of ESLint', () => {
  const names = Object.keys(cases);
  const fileOf = (rule: string, state: string) => `${rule.replaceAll('/', '-')}-${state}.js`;
  let found: Record<string, string[]>;
  beforeAll(async () => {
    const files = Object.entries(cases).flatMap(([rule, [sick, healthy]]) => [
      [fileOf(rule, 'sick'), sick],
      [fileOf(rule, 'healthy'), healthy],
    ]);
    found = await lint(Object.fromEntries(files));
  });

  it.each(names)('%s names code with this fault, and not the same code without it', (rule) => {
    expect([found[fileOf(rule, 'sick')], found[fileOf(rule, 'healthy')]]).toEqual([[rule], []]);
  });

  it('has the type of a configuration of ESLint', () => {
    const config: Linter.Config[] = eslintConfig();
    expect(config.map(({ name }) => name)).toContain('express-productionize/promise');
  });

  it('takes .js files for ES modules where package.json states it', async () => {
    const text = "import fs from 'node:fs';\nexport const read = () => fs.promises.readFile(__filename);";
    const results = await lint({ 'package.json': '{ "type": "module" }', 'app.js': text });
    expect(results['app.js']).toEqual(['no-undef']);
  });

  it('works without the plugins, whose rules it leaves out', async () => {
    const [undefinedName, synchronous] = [cases['no-undef'], cases['n/no-sync']] as [string[], string[]];
    const results = await lint({ 'a.js': String(undefinedName[0]), 'b.js': String(synchronous[0]) }, false);
    expect(results).toEqual({ 'a.js': ['no-undef'], 'b.js': [] });
  });
});
