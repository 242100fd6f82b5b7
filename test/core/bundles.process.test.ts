import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type BuildOptions, build } from 'esbuild';
import { describeBundles, entry, outDirectory, removeBundles, unbundled } from '../helpers/bundles.js';
import { expressNames } from '../helpers/express-names.js';
import { installed } from '../helpers/installed.js';
import { killAll, run } from '../helpers/program.js';

const execute = promisify(execFile);

afterEach(killAll);
afterAll(removeBundles);

async function byEsbuild(extension: 'cjs' | 'mjs', options: BuildOptions, app = entry): Promise<string> {
  const outfile = path.join(outDirectory(), `out.${extension}`);
  await build({
    entryPoints: [app],
    outfile,
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"production"' },
    ...options,
  });
  return outfile;
}

/** Node itself with the bundle inside, see https://nodejs.org/api/single-executable-applications.html. */
async function makeSingleExecutable(app = entry): Promise<string> {
  const main = await byEsbuild('cjs', { minify: true }, app);
  const out = path.dirname(main);
  const settings = { main: 'out.cjs', output: 'blob', disableExperimentalSEAWarning: true };
  fs.writeFileSync(path.join(out, 'settings.json'), JSON.stringify(settings));
  await execute(process.execPath, ['--experimental-sea-config', 'settings.json'], { cwd: out });
  fs.copyFileSync(process.execPath, path.join(out, 'app'));
  const postject = path.join(installed('postject', '1.0.0-alpha.6'), 'node_modules/postject/dist/cli.js');
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
  const inject = [postject, 'app', 'NODE_SEA_BLOB', 'blob', '--sentinel-fuse', fuse];
  await execute(process.execPath, inject, { cwd: out });
  return path.join(out, 'app');
}

let executable: Promise<string> | undefined;

function singleExecutable(): Promise<string> {
  executable ??= makeSingleExecutable();
  return executable;
}

describe('an app that is not bundled', () => {
  it.each(expressNames)('runs on %s with all parts', async (express) => {
    const { report, lines, ...ending } = await unbundled(express);
    expect(ending).toMatchObject({
      healthy: [200, 200, 200],
      last: 'HTTP/1.1 200 OK',
      exit: { code: 0, signal: null },
    });
    expect(report).toMatchObject({ constructed: true, fast: ['json', 'send'], keepAliveTimeoutMs: 65_000 });
    // of more than fifty
    expect(report.tried).toBeLessThan(8);
    expect(lines).toContainEqual(expect.objectContaining({ level: 30, msg: 'GET /list49/:id 200' }));
    const err = { type: 'TypeError', message: 'broken', stack: ['TypeError: broken', true] };
    expect(lines).toContainEqual(expect.objectContaining({ level: 50, route: '/areas/:id/broken', err }));
  });
});

/** ESM bundles of packages that call `require` are built with such a line. */
const banner =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" +
  "const __dirname = import.meta.dirname ?? '';";

describeBundles([
  ['by esbuild to CommonJS', () => byEsbuild('cjs', { format: 'cjs' })],
  ['by esbuild to CommonJS, minified', () => byEsbuild('cjs', { minify: true })],
  ['by esbuild to CommonJS, minified, names left', () => byEsbuild('cjs', { minify: true, keepNames: true })],
  ['by esbuild to ESM', () => byEsbuild('mjs', { format: 'esm', banner: { js: banner } })],
  ['in a single executable', singleExecutable],
]);

describe('a cluster in a single executable', () => {
  let file: string;
  beforeAll(async () => {
    file = await singleExecutable();
  }, 300_000);

  const processOf = async (port: number) => (await fetch(`http://127.0.0.1:${port}/process`)).json();

  it.each([[['express', '0', 'third']], [[]]])('passes the arguments %j to its workers', async (args) => {
    const program = run(file, { executable: true, args, env: { WORKERS: '2' } });
    expect(await processOf(await program.port())).toMatchObject({ arguments: args });
    await program.line(/2 is ready/);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual({ code: 0, signal: null });
  });

  it.each([
    ['an absolute path', 'exec "$PWD/app"'],
    ['a relative path', 'exec ./app'],
    ['PATH', 'PATH="$PWD" exec app'],
  ])('is reloaded from the release that a link points to, started by %s', async (_way, start) => {
    const directory = outDirectory();
    const current = path.join(directory, 'current');
    const link = (release: string) => {
      fs.symlinkSync(release, path.join(directory, 'next'));
      fs.renameSync(path.join(directory, 'next'), current);
    };
    for (const release of ['1', '2']) {
      fs.mkdirSync(path.join(directory, release));
      fs.linkSync(file, path.join(directory, release, 'app'));
    }
    link('1');
    const env = { PWD: current, WORKERS: '2' };
    const program = run(file, { command: ['sh', '-c', start], executable: true, cwd: current, env });
    await program.line(/2 is ready/);
    link('2');
    program.child.kill('SIGHUP');
    await program.line(/reload: done/);
    const port = Number(program.err.at(-1)?.split(' ').at(-1));
    expect(await processOf(port)).toMatchObject({
      executable: fs.realpathSync(path.join(directory, '2/app')),
    });
  });
});

it('the call site of a synchronous call in a single executable is the line of its script', async () => {
  const file = await makeSingleExecutable(path.join(path.dirname(entry), 'sync-io.mjs'));
  const program = run(file, { executable: true });
  expect(await program.exit()).toEqual({ code: 0, signal: null });
  expect(JSON.parse(program.out[0] ?? '')).toEqual(
    [1, 2].map(() => expect.stringMatching(/^out\.cjs:\d+:\d+$/)),
  );
});
