import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildSync, transformSync } from 'esbuild';

const root = path.join(__dirname, '..');
const dist = path.join(root, 'dist');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { require: { default: string } }>;
};
const entries = Object.values(manifest.exports).flatMap((entry) =>
  typeof entry === 'string' ? [] : [path.join(root, entry.require.default)],
);

/** What an ES module prints of the entries, each imported and required. */
function ask(program: string): unknown {
  const source = `
    import { createRequire } from 'node:module';
    const require = createRequire(${JSON.stringify(__filename)});
    const entries = ${JSON.stringify(entries)};
    ${program}`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' }),
  );
}

describe('the CommonJS form', () => {
  it('has no statement in two files: entries share what they have in common', () => {
    const owners = new Map<string, string[]>();
    for (const file of readdirSync(dist).filter((name) => name.endsWith('.cjs'))) {
      const { code } = transformSync(readFileSync(path.join(dist, file), 'utf8'));
      const statements = code.split(/\n(?=[a-z])/);
      for (const statement of statements) {
        if (statement.length < 120 || statement.startsWith('var __')) continue;
        owners.set(statement, [...(owners.get(statement) ?? []), file]);
      }
    }
    expect(owners.size).toBeGreaterThan(500);
    expect([...owners].filter(([, files]) => files.length > 1)).toEqual([]);
  });

  it('gives every named export to import and to require, the same one', () => {
    const differences = ask(`
      const different = [];
      for (const entry of entries) {
        const imported = await import(entry);
        const required = require(entry);
        for (const name of Object.keys(required)) {
          if (imported[name] === undefined || imported[name] !== required[name]) different.push(name);
        }
      }
      console.log(JSON.stringify(different));`);
    expect(differences).toEqual([]);
  });

  it('is complete in the one file of a bundle, with what it loads when it is used', () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'bundle-'));
    const outfile = path.join(directory, 'out.cjs');
    buildSync({
      stdin: {
        contents: `
          const { precompress, responseCache, runCluster, staticFiles } = require('../dist/index.cjs');
          const middleware = [responseCache(), staticFiles(${JSON.stringify(dist)})].map(({ length }) => length);
          const options = { dryRun: true, encodings: ['gzip'] };
          const logger = { info() {}, warn() {}, error() {} };
          void precompress(${JSON.stringify(path.join(root, 'examples'))}, options).then(async ({ failed }) => {
            const cluster = await runCluster(() => {}, { workers: 2, control: false, logger });
            if (cluster === undefined) return;
            console.log(JSON.stringify([...middleware, failed, typeof cluster.stop]));
            await cluster.stop();
          });`,
        resolveDir: __dirname,
      },
      bundle: true,
      platform: 'node',
      outfile,
      logLevel: 'silent',
    });
    expect(readdirSync(directory)).toEqual(['out.cjs']);
    const printed = execFileSync(process.execPath, [outfile], { encoding: 'utf8' });
    rmSync(directory, { recursive: true });
    expect(JSON.parse(printed)).toEqual([3, 3, [], 'function']);
  });

  it('is the one copy that the ES modules export', () => {
    const differences = ask(`
      const different = [];
      for (const entry of entries) {
        const imported = await import(entry.replace(/cjs$/, 'js'));
        const required = require(entry);
        const names = Object.keys(imported).sort();
        if (names.join() !== Object.keys(required).sort().join()) different.push(entry);
        different.push(...names.filter((name) => imported[name] !== required[name]));
      }
      console.log(JSON.stringify(different));`);
    expect(differences).toEqual([]);
  });

  it('uses nothing that CommonJS does not have', () => {
    for (const file of readdirSync(dist).filter((name) => name.endsWith('.cjs'))) {
      expect(readFileSync(path.join(dist, file), 'utf8')).not.toMatch(/import_meta|import\.meta/);
    }
  });
});
