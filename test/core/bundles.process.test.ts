import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expressNames } from '../helpers/express-names.js';
import { installed } from '../helpers/installed.js';

const run = promisify(execFile);
const fixtures = path.join(__dirname, '../fixtures/bundles');
const source = fs.readFileSync(path.join(fixtures, 'app.mjs'), 'utf8');
const files: string[] = [];

afterEach(() => {
  for (const file of files.splice(0)) fs.rmSync(file, { recursive: true });
});

/** The app on this Express, where its imports are found. */
function entryFor(express: string): string {
  const entry = path.join(fixtures, `app-${express}-${process.pid}.mjs`);
  fs.writeFileSync(entry, source.replace('EXPRESS', express));
  files.push(entry);
  return entry;
}

function outDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bundle-'));
  files.push(directory);
  return directory;
}

async function printedBy(file: string): Promise<unknown> {
  const env = { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' };
  const { stdout } = await run(process.execPath, [file], { env });
  return JSON.parse(stdout);
}

/** ESM bundles of packages that call `require` are built with such a line. */
const banner =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" +
  "const __dirname = import.meta.dirname ?? '';";

describe.each(expressNames)('an app on %s that is bundled works as unbundled', (express) => {
  it.each([
    ['to CommonJS', { format: 'cjs' }, 'cjs'],
    ['to CommonJS, minified', { format: 'cjs', minify: true }, 'cjs'],
    ['to CommonJS, minified, names left', { format: 'cjs', minify: true, keepNames: true }, 'cjs'],
    ['to ESM', { format: 'esm', banner: { js: banner } }, 'mjs'],
  ] as const)('by esbuild %s', async (_form, options, extension) => {
    const entry = entryFor(express);
    const expected = await printedBy(entry);
    expect(expected).toMatchObject({ keepAliveTimeout: 65_000 });
    const outfile = path.join(outDirectory(), `out.${extension}`);
    await build({
      ...options,
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      logLevel: 'silent',
      define: { 'process.env.NODE_ENV': '"production"' },
    });
    expect(await printedBy(outfile)).toEqual(expected);
  });

  it('by webpack in production mode', async () => {
    // one form for each Express: terser takes long
    const minimize = express === 'express';
    const entry = entryFor(express);
    const directory = outDirectory();
    const webpack = path.join(installed('webpack', '5'), 'node_modules/webpack');
    const settings = {
      entry,
      mode: 'production',
      target: 'node',
      output: { path: directory, filename: 'out.cjs' },
      optimization: { minimize },
    };
    const script = `require(${JSON.stringify(webpack)})(${JSON.stringify(settings)}, (error, stats) => {
      if (!error && !stats.hasErrors()) return;
      console.error(error ?? stats.toString('errors-only'));
      process.exitCode = 1;
    })`;
    await run(process.execPath, ['-e', script], { cwd: fixtures });
    expect(await printedBy(path.join(directory, 'out.cjs'))).toEqual(await printedBy(entry));
  }, 300_000);
});
