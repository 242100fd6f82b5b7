// Writes the CommonJS form of each entry, and of the chunks that entries share, from the ES modules that tsup has built.
// esbuild splits ES modules only, and what tsup splits CommonJS with rewrites optional chains and the order of class fields.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from 'esbuild';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const relativeImport = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.\/[^"']+)\.js\2/g;
const seen = new Set();

/** Files that `file` imports are converted, too; `convert` gets the text with their CommonJS names in it. */
function follow(file, extension, convert) {
  const source = path.join(root, file);
  if (seen.has(source) || !existsSync(source)) return;
  seen.add(source);
  const text = readFileSync(source, 'utf8');
  writeFileSync(
    source.replace(/(\.d)?\.[jt]s$/, `$1.c${extension}`),
    convert(text.replace(relativeImport, '$1$2$3.cjs$2')),
  );
  const suffix = file.endsWith('.d.ts') ? '.d.ts' : '.js';
  for (const [, , , name] of text.matchAll(relativeImport)) {
    follow(path.join(path.dirname(file), name + suffix), extension, convert);
  }
}

for (const { import: files } of Object.values(exports)) {
  if (files === undefined) continue;
  follow(
    files.default,
    'js',
    (code) =>
      transformSync(code, { format: 'cjs', platform: 'node', target: 'node20', sourcefile: 'chunk.mjs' })
        .code,
  );
  follow(files.types, 'ts', (declarations) => declarations);
}
