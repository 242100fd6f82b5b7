import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describeBundles, entry, outDirectory, removeBundles } from '../helpers/bundles.js';
import { installed } from '../helpers/installed.js';
import { killAll, run } from '../helpers/program.js';

// bundlers that take long: the gate runs them on one line of Node, and esbuild on all
const execute = promisify(execFile);
const fixtures = path.dirname(entry);
let packages: string;

beforeAll(() => {
  packages = installed(
    'webpack',
    '5',
    '@vercel/ncc@0.45.0',
    'rollup@4.68.8',
    '@rollup/plugin-commonjs@29.0.3',
    '@rollup/plugin-node-resolve@16.0.3',
    '@rollup/plugin-json@6.1.0',
    '@rollup/plugin-terser@1.0.2',
  );
}, 300_000);
afterEach(killAll);
afterAll(removeBundles);

async function byWebpack(mode: 'production' | 'development', app = entry): Promise<string> {
  const out = outDirectory();
  const settings = {
    entry: app,
    mode,
    target: 'node',
    output: { path: out, filename: 'out.cjs' },
  };
  const webpack = path.join(packages, 'node_modules/webpack');
  const script = `require(${JSON.stringify(webpack)})(${JSON.stringify(settings)}, (error, stats) => {
    if (!error && !stats.hasErrors()) return;
    console.error(error ?? stats.toString('errors-only'));
    process.exitCode = 1;
  })`;
  await execute(process.execPath, ['-e', script], { cwd: fixtures });
  return path.join(out, 'out.cjs');
}

async function byNcc(...options: string[]): Promise<string> {
  const out = outDirectory();
  const ncc = path.join(packages, 'node_modules/@vercel/ncc/dist/ncc/cli.js');
  await execute(process.execPath, [ncc, 'build', entry, '--out', out, '--quiet', ...options]);
  return path.join(out, 'index.mjs');
}

/** Both formats of one build. */
let rollupBuild: Promise<string> | undefined;

async function byRollup(file: 'out.cjs' | 'out.mjs'): Promise<string> {
  rollupBuild ??= (async () => {
    const out = outDirectory();
    await execute(process.execPath, [path.join(fixtures, 'rollup.cjs'), packages, entry, out]);
    return out;
  })();
  return path.join(await rollupBuild, file);
}

describeBundles([
  ['by webpack in production mode', () => byWebpack('production')],
  ['by ncc', () => byNcc()],
  ['by ncc, minified', () => byNcc('--minify')],
  ['by rollup to CommonJS, minified', () => byRollup('out.cjs')],
  ['by rollup to ESM', () => byRollup('out.mjs')],
]);

it('the call site of a synchronous call in a development bundle of webpack is the line of its module', async () => {
  const program = run(await byWebpack('development', path.join(fixtures, 'sync-io.mjs')));
  expect(await program.exit()).toEqual({ code: 0, signal: null });
  const site = /^webpack:\/\/\/\.\/sync-io\.mjs\?:\d+:\d+$/;
  expect(JSON.parse(program.out[0] ?? '')).toEqual([1, 2].map(() => expect.stringMatching(site)));
});
