// Runs Express's own tests with plain apps and with productionized ones, and prints what differs:
//   node scripts/express-suite.cjs <directory of a clone of Express, with its dependencies> [options of productionize as JSON]
// The tests run from dist/. Mocha loads this file, too: as a module that replaces `express()`, and as its reporter.
const { spawnSync } = require('node:child_process');
const { mkdtempSync, readFileSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');

const { SUITE_OPTIONS, SUITE_RESULTS } = process.env;
if (require.main === module) main(...process.argv.slice(2));
else if (SUITE_OPTIONS) productionizeApps(JSON.parse(SUITE_OPTIONS));

module.exports = function reporter(runner) {
  const results = {};
  const put = (test, message) => {
    let title = `${path.relative('test', test.file ?? test.parent.file)}: ${test.fullTitle()}`;
    while (title in results) title += ' (again)';
    results[title] = message;
  };
  runner.on('pass', (test) => put(test, 'passed'));
  runner.on('fail', (test, error) => put(test, error.message || String(error)));
  runner.on('end', () => writeFileSync(SUITE_RESULTS, JSON.stringify(results)));
};

/** Replaces what the module of Express exports. */
function productionizeApps(options) {
  const { productionize } = require('../dist/index.cjs');
  const index = path.resolve('index.js');
  const express = require(index);
  const productionized = () => productionize(express(), options);
  for (const name of Reflect.ownKeys(express)) {
    if (name !== 'prototype') {
      Object.defineProperty(productionized, name, Object.getOwnPropertyDescriptor(express, name));
    }
  }
  require.cache[index].exports = productionized;
}

function main(clone, options = '{}') {
  const run = (environment) => {
    const results = path.join(mkdtempSync(path.join(tmpdir(), 'express-suite-')), 'results.json');
    const mocha = path.resolve(clone, 'node_modules/mocha/bin/mocha');
    const args = ['--require', 'test/support/env', '--require', __filename, '--reporter', __filename];
    const env = { ...process.env, ...environment, SUITE_RESULTS: results };
    const { stderr } = spawnSync(
      process.execPath,
      [mocha, ...args, '--check-leaks', '--exit', 'test/', 'test/acceptance/'],
      { cwd: clone, env, encoding: 'utf8', maxBuffer: 2 ** 28 },
    );
    try {
      return JSON.parse(readFileSync(results, 'utf8'));
    } catch {
      throw new Error(`Mocha did not finish:\n${stderr}`);
    }
  };
  const plain = run({ SUITE_OPTIONS: '' });
  const ours = run({ SUITE_OPTIONS: options });
  const titles = Object.keys(plain);
  const differing = titles.filter((title) => ours[title] !== plain[title]);
  for (const title of differing) console.log(`- ${title}\n    ${ours[title]?.split('\n', 1)[0]}`);
  console.log(`${titles.length} tests, ${differing.length} differ`);
  process.exitCode = differing.length > 0 ? 1 : 0;
}
