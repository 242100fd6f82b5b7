// Writes dist: the code as CommonJS, in files that entries share, and for each entry an ES module that exports the same,
// so that an app which imports and requires the package has one copy of it. With --types, the declarations of both, too.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transformSync } from 'esbuild';
import { build as buildDeclarations } from 'tsup';
import { indentWithTabs } from './tabs.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = path.join(root, 'dist');
const ownImport = /^import (?:\{([^}]*)\} from )?"\.\/([^"]+)\.js";$/gm;
const exportList = /^export \{([^}]*)\};$/m;
const relativeImport = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.\/[^"']+)\.js\2/g;

/** The entries of package.json. */
const entries = {
  index: 'src/index.ts',
  redis: 'src/redis/index.ts',
  testing: 'src/testing/index.ts',
  systemd: 'src/process/systemd/index.ts',
  logging: 'src/logging/index.ts',
  'sync-io': 'src/middleware/sync-io/register.ts',
  preload: 'src/preload/index.ts',
  deploy: 'src/deploy/index.ts',
  doctor: 'src/doctor/index.ts',
  eslint: 'src/eslint/index.ts',
  'store-conformance': 'src/store-conformance/index.ts',
};
/** What Node runs by its path: the command, and what is loaded into an app that is read, proven or audited. */
const programs = {
  cli: 'src/cli/index.ts',
  'app-probe': 'src/deploy/facts/app-probe.ts',
  'proved-instance': 'src/cli/prove/instance-preload.ts',
  'doctor-probe': 'src/doctor/probe/doctor-probe.ts',
};
/**
 * What an app may never use is loaded by the first call of one of its functions, since the bytes to compile are most of
 * what `require` costs.
 */
const loadedWhenUsed = {
  'response-cache': 'src/middleware/response-cache/index.ts',
  metrics: 'src/middleware/metrics/index.ts',
  'static-files': 'src/middleware/static-files/index.ts',
  precompression: 'src/middleware/static-files/precompression.ts',
  'sync-io-detector': 'src/middleware/sync-io/index.ts',
  'cluster-primary': 'src/process/cluster/primary.ts',
  inspection: 'src/process/inspect/index.ts',
};
/**
 * Entries share few files, each of which takes 0.5 ms, if each loads all that another one does. This is `index`, but for
 * these, which must load little.
 */
const loadsAllOf = { index: [], eslint: ['logging'], logging: [], 'sync-io': ['logging'], cli: ['sync-io'] };

rmSync(dist, { recursive: true, force: true });
await writeCode();
if (process.argv.includes('--types')) await writeDeclarations();

async function writeCode() {
  const all = { ...entries, ...programs, ...loadedWhenUsed };
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
    // esbuild splits nothing else
    format: 'esm',
    // otherwise esbuild drops the import of `index` that has no names
    ignoreAnnotations: true,
    plugins: [{ name: 'entries', setup: (plugin) => resolveEntries(plugin, all) }],
    write: false,
  });
  mkdirSync(dist);
  const modules = outputFiles.map(({ path: file, text }) => ({
    file,
    name: path.basename(file, '.js'),
    text,
  }));
  const constant = new Set(modules.filter(exportsConstants).map(({ name }) => name));
  for (const module of modules) writeModule(module, constant);
}

function writeModule({ file, name, text }, constant) {
  const { code } = transformSync(
    withConstants(name, text, constant).replace(relativeImport, '$1$2$3.cjs$2'),
    {
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      sourcefile: 'chunk.mjs',
      // as ES modules are; a sloppy function also costs more to call
      banner: '"use strict";',
    },
  );
  // the package does not contain the source files
  const complete = Object.keys(loadedWhenUsed)
    .reduce(loadWhenUsed, code)
    .replace(/^\/\/ src\/.*\n/gm, '');
  writeFileSync(file.replace(/js$/, 'cjs'), indentWithTabs(complete, 2));

  if (name in entries || name in programs) writeFileSync(file, esModule(name, complete));
}

/** Whether a file is shared, and exports nothing that it imports from what is loaded when it is used. */
function exportsConstants({ name, text }) {
  const [, list] = exportList.exec(text) ?? [];
  const exported = new Set(namesIn(list).map(([local]) => local));
  const isLoadedLater = ([, names, file]) =>
    file in loadedWhenUsed && namesIn(names).some((pair) => exported.has(pair.at(-1)));
  return name.startsWith('shared-') && ![...text.matchAll(ownImport)].some(isLoadedLater);
}

/** `a, b as c` as `[['a'], ['b', 'c']]`. */
function namesIn(list = '') {
  return list
    .split(',')
    .map((each) => each.trim().split(' as '))
    .filter(([first]) => first);
}

/**
 * Shared files export data properties, which importers read once. esbuild would write getters, and call one at each use
 * of an import: V8 calls no function inline that a getter returns, which costs microseconds per request.
 */
function withConstants(name, text, constant) {
  const code = text.replace(ownImport, (statement, names, file) => {
    if (!constant.has(file)) return statement;
    if (names === undefined) return `require("./${file}.cjs");`;
    return `const {${names.replaceAll(' as ', ': ')}} = require("./${file}.cjs");`;
  });
  if (!constant.has(name)) return code;
  return code.replace(exportList, (_, names) => {
    const properties = names.replace(/(\S+) as ([^\s,]+)/g, '$2: $1');
    return `module.exports = {${properties}};`;
  });
}

/** An ES module cannot load what it exports later. */
function esModule(name, code) {
  const [, list = ''] = /^0 && \(module\.exports = \{([^}]*)\}\);$/m.exec(code) ?? [];
  const names = list
    .split(',')
    .map((exported) => exported.trim())
    .filter(Boolean);
  const shebang = name === 'cli' ? '#!/usr/bin/env node\n' : '';
  if (names.length === 0) return `${shebang}import './${name}.cjs';\n`;
  return `import commonjs from './${name}.cjs';\n\nexport const {\n  ${names.join(',\n  ')},\n} = commonjs;\n`;
}

function resolveEntries({ onResolve, onLoad }, all) {
  onResolve({ filter: /^entry:/ }, ({ path: name }) => ({
    path: name.slice('entry:'.length),
    namespace: 'entry',
  }));
  onLoad({ filter: /.*/, namespace: 'entry' }, ({ path: name }) => ({
    contents: [
      ...(loadsAllOf[name] ?? ['index']).map((other) => `import './${all[other]}';`),
      `export * from './${all[name]}';`,
    ].join('\n'),
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

async function writeDeclarations() {
  const dts = { only: true };
  await buildDeclarations({
    entry: entries,
    dts,
    format: 'esm',
    target: 'node20',
    config: false,
    silent: true,
  });
  const written = new Set();
  for (const name of Object.keys(entries)) writeForCommonJs(`${name}.d.ts`, written);
  // an ES module exports what the CommonJS file exports, in its types as in its code
  for (const file of written) rmSync(path.join(dist, file));
  for (const name of Object.keys(entries)) {
    writeFileSync(path.join(dist, `${name}.d.ts`), `export * from './${name}.cjs';\n`);
  }
}

/** Declarations that `file` imports are written, too. */
function writeForCommonJs(file, written) {
  if (written.has(file) || !existsSync(path.join(dist, file))) return;
  written.add(file);
  const text = readFileSync(path.join(dist, file), 'utf8');
  const ofCommonJs = indentWithTabs(text.replace(relativeImport, '$1$2$3.cjs$2'), 4);
  writeFileSync(path.join(dist, file.replace(/ts$/, 'cts')), ofCommonJs);
  for (const [, , , name] of text.matchAll(relativeImport)) writeForCommonJs(`${name}.d.ts`, written);
}
