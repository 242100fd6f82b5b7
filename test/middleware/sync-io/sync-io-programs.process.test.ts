import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expressNames } from '../../helpers/express-names.js';
import { killAll, type Program, run } from '../../helpers/program.js';

afterEach(killAll);

const root = path.join(__dirname, '../../..');
const development = { NODE_ENV: 'development' };

async function resultOf(program: Program) {
  expect(await program.exit()).toEqual({ code: 0, signal: null });
  return JSON.parse(program.out.at(-1) ?? '');
}

describe('detectSyncIo as a process', () => {
  const seenByEsm = ['after', 'default', 'getBuiltinModule', 'named', 'namespace'];

  it('detects every ESM import and getBuiltinModule, but no function imported before, and states so', async () => {
    const { seen, startLine, restored } = await resultOf(run('sync-io-imports.mjs', { env: development }));
    expect(seen.sort()).toEqual(seenByEsm);
    expect(startLine).toMatch(/before are not detected\. .*--import express-productionize\/sync-io/);
    expect(restored).toEqual([true, true, true]);
  });

  it('detects a function imported before with the preload of --import, and states the preload', async () => {
    const nodeArgs = ['--import', 'express-productionize/sync-io'];
    const program = run('sync-io-imports.mjs', { env: development, nodeArgs, cwd: root });
    const { seen, startLine } = await resultOf(program);
    expect(seen.sort()).toEqual(['after', 'before', ...seenByEsm.slice(1)]);
    expect(startLine).toMatch(/all calls are detected/);
  });

  it('detects a CommonJS function imported after it, and before it with --require', async () => {
    const without = await resultOf(run('sync-io-imports.cjs', { env: development }));
    expect(without.seen).toEqual(['after']);
    const nodeArgs = ['--require', 'express-productionize/sync-io'];
    const preloaded = await resultOf(run('sync-io-imports.cjs', { env: development, nodeArgs, cwd: root }));
    expect(preloaded.seen.sort()).toEqual(['after', 'before']);
  });

  it('is off in production, including the preload', async () => {
    const nodeArgs = ['--import', 'express-productionize/sync-io'];
    const { seen, restored } = await resultOf(run('sync-io-imports.mjs', { nodeArgs, cwd: root }));
    expect([seen, restored]).toEqual([[], [true, true, true]]);
  });

  it('replaces the functions once for two copies of the package, and restores them with the last', async () => {
    expect(await resultOf(run('sync-io-copies.mjs', { env: development }))).toEqual({
      once: true,
      counts: [[1], [1]],
      kept: true,
      restored: true,
    });
  });

  it('reports a require that loads a file, once, and none from the cache', async () => {
    const { findings, restored } = await resultOf(run('sync-io-require.cjs', { env: development }));
    expect(findings).toMatchObject([
      {
        api: 'require',
        loaded: path.join(root, 'package.json'),
        count: 1,
        site: expect.stringMatching(/sync-io-require\.cjs:\d+:\d+$/),
      },
    ]);
    expect(restored).toBe(true);
  });

  it('reports an import() that loads an ES module, once, and none of a module that is loaded', async () => {
    const program = run('sync-io-dynamic-import.mjs', { env: development });
    const { answers, findings, supported } = await resultOf(program);
    const late = '{"name":"late"}';
    expect(answers).toEqual([late, late, '{"name":"loaded"}', 'ERR_MODULE_NOT_FOUND', late]);
    const found = {
      api: 'import()',
      loaded: path.join(root, 'test/fixtures/sync-io-late.mjs'),
      count: 1,
      route: '/modules/:name',
      site: expect.stringMatching(/sync-io-dynamic-import\.mjs:\d+:\d+$/),
    };
    expect(findings).toMatchObject(supported ? [found] : []);
  });

  it('prints no warning for an ordinary app, and names the module that a handler requires', async () => {
    const program = run('sync-io-ordinary.cjs', { env: development });
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    expect(program.out.at(-1)).toBe('<p>{"name":"Ada"} 1</p>');
    const warnings = program.err.filter((line) => line.includes('ERR_PRODUCTIONIZE_SYNC_IO]'));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(
      /require of \S*[\\/]package\.json at \S*sync-io-ordinary\.cjs:\d+:\d+ in GET \/own:/,
    );
    expect(warnings[1]).toMatch(
      /require of express\/package\.json at \S*sync-io-ordinary\.cjs:\d+:\d+ in GET \/package:/,
    );
  });

  it('warns in one line with a count, and does not keep the process alive', async () => {
    const program = run('sync-io-warnings.mjs', { env: development });
    expect(await program.exit()).toEqual({ code: 0, signal: null });
    const warnings = program.err.filter((line) => line.includes('ERR_PRODUCTIONIZE_SYNC_IO]'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /fs\.existsSync at .*sync-io-warnings\.mjs:\d+:\d+ in GET \/loop: 10000 calls, [\d.]+ ms/,
    );
  });

  it('reports the console where its stream is a file, and not where it is a pipe', async () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'sync-io-')), 'out.log');
    const fd = fs.openSync(file, 'w');
    const child = spawn(process.execPath, [path.join(__dirname, '../../fixtures/sync-io-warnings.mjs')], {
      env: { ...process.env, ...development, NODE_OPTIONS: '' },
      stdio: ['ignore', fd, 'pipe'],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    fs.closeSync(fd);
    expect(fs.readFileSync(file, 'utf8')).toBe('to stdout\n');
    expect(stderr).toMatch(/console\.log at .* in GET \/console: 1 call, .* console to a blocking stream/);
    expect(stderr).not.toContain('console.error at');
    fs.rmSync(path.dirname(file), { recursive: true });
  });

  it.each(expressNames)(
    'does not report the console of Express and of the error handler (%s)',
    async (name) => {
      const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'sync-io-')), 'err.log');
      const fd = fs.openSync(file, 'w');
      const program = path.join(__dirname, '../../fixtures/sync-io-errors.mjs');
      const child = spawn(process.execPath, [program, name], {
        env: { ...process.env, ...development, NODE_OPTIONS: '' },
        stdio: ['ignore', 'pipe', fd],
      });
      let stdout = '';
      child.stdout?.on('data', (chunk) => {
        stdout += chunk;
      });
      expect(await once(child, 'close')).toEqual([0, null]);
      fs.closeSync(fd);
      const printed = fs.readFileSync(file, 'utf8');
      fs.rmSync(path.dirname(file), { recursive: true });
      expect(printed.match(/Error: as intended/g)).toHaveLength(4);
      const own = {
        api: 'console.error',
        site: expect.stringMatching(/sync-io-errors\.mjs:\d+:\d+$/),
        count: 2,
      };
      expect(JSON.parse(stdout)).toEqual([own]);
    },
  );
});
