// Writes the CommonJS form of each entry: of its declarations, and of its code, in files that entries share.
// esbuild splits ES modules only, and what tsup splits CommonJS with rewrites optional chains and the order of class fields.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transformSync } from 'esbuild';
import { entries } from '../tsup.config.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = path.join(root, 'dist');
const relativeImport = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.\/[^"']+)\.js\2/g;

/**
 * What an app may never use is loaded by the first call of one of its functions, since the bytes to compile are most of
 * what an import costs. An ES module cannot load others that way.
 */
const loadedWhenUsed = {
  'response-cache': 'src/middleware/response-cache/index.ts',
  'static-files': 'src/middleware/static-files/index.ts',
  precompression: 'src/middleware/static-files/precompression.ts',
  'sync-io-detector': 'src/middleware/sync-io/index.ts',
  'cluster-primary': 'src/process/cluster/primary.ts',
};
/** These must load little. The others load all that `index` does, so that few files are shared: each takes 0.5 ms. */
const loadsLittle = ['logging', 'sync-io'];

await writeCode();
const written = new Set();
for (const name of Object.keys(entries)) writeDeclarations(`${name}.d.ts`);
removePaths();

async function writeCode() {
  const all = { ...entries, ...loadedWhenUsed };
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: Object.keys(all).map((name) => ({ in: `entry:${name}`, out: name })),
    outdir: 'dist',
    bundle: true,
    splitting: true,
    chunkNames: 'shared-[hash]',
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // otherwise esbuild drops the import of `index` that has no names
    ignoreAnnotations: true,
    write: false,
    plugins: [{ name: 'entries', setup: (plugin) => resolveEntries(plugin, all) }],
  });
  for (const { path: file, text } of outputFiles) {
    const { code } = transformSync(text.replace(relativeImport, '$1$2$3.cjs$2'), {
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      sourcefile: 'chunk.mjs',
      // where it stands, the code asks for `__filename` first
      define: { 'import.meta.url': 'undefined' },
    });
    const complete = Object.keys(loadedWhenUsed).reduce(loadWhenUsed, code);
    // the same code is in the ES modules, formatted: here its size counts
    const { code: small } = transformSync(complete, { minifyWhitespace: true, lineLimit: 160 });
    // Node reads from this expression, which is never run and so was removed, what an ES module can import
    const [exported = ''] = /^0 && \(module\.exports = \{[^}]*\}\);$/m.exec(complete) ?? [];
    writeFileSync(file.replace(/js$/, 'cjs'), `${small}${exported}\n`);
  }
}

function resolveEntries({ onResolve, onLoad }, all) {
  onResolve({ filter: /^entry:/ }, ({ path: name }) => ({
    path: name.slice('entry:'.length),
    namespace: 'entry',
  }));
  onLoad({ filter: /.*/, namespace: 'entry' }, ({ path: name }) => ({
    contents: `${loadsLittle.includes(name) ? '' : `import './${entries.index}';`} export * from './${all[name]}';`,
    resolveDir: root,
  }));
  onResolve({ filter: /^\.\.?\/.*\.js$/ }, ({ path: imported, resolveDir, namespace }) => {
    const source = path.relative(root, path.join(resolveDir, imported)).replace(/js$/, 'ts');
    const [name] = Object.entries(loadedWhenUsed).find(([, file]) => file === source) ?? [];
    return name === undefined || namespace === 'entry' ? undefined : { path: `./${name}.js`, external: true };
  });
}

function loadWhenUsed(code, name) {
  const variable = `(import_${name.replaceAll('-', '_')}\\d*)`;
  const load = `require("./${name}.cjs")`;
  return code
    .replace(new RegExp(`${variable}\\.`, 'g'), '($1()).')
    .replace(
      new RegExp(`var ${variable} = (require\\("\\./${name}\\.cjs"\\));`, 'g'),
      'function $1() { return $2; }',
    )
    .replaceAll(`\n${load};`, '');
}

/** Declarations that `file` imports are written, too. */
function writeDeclarations(file) {
  const source = path.join(dist, file);
  const target = source.replace(/\.d\.ts$/, '.d.cts');
  if (written.has(target) || !existsSync(source)) return;
  written.add(target);
  const text = readFileSync(source, 'utf8');
  writeFileSync(target, text.replace(relativeImport, '$1$2$3.cjs$2'));
  for (const [, , , name] of text.matchAll(relativeImport)) writeDeclarations(`${name}.d.ts`);
}

/** Removes the path of each source file, which the package does not contain, from the ES modules. */
function removePaths() {
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.js'))) {
    const file = path.join(dist, name);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\/\/ src\/.*\n/gm, ''));
  }
}
