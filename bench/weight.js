import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, rotated } from './statistics.js';

const bench = path.dirname(fileURLToPath(import.meta.url));
const importCost = path.join(bench, 'import-cost.js');

const stacks = [
  { title: 'Express 5', packages: ['express5'] },
  { title: 'productionize, Express 5', packages: ['express5', 'express-productionize'] },
  {
    title: 'pino-http + compression + close-with-grace, Express 5',
    packages: ['express5', 'pino-http', 'compression', 'close-with-grace'],
  },
  {
    title: 'Fastify + compress + under-pressure',
    packages: ['fastify', '@fastify/compress', '@fastify/under-pressure'],
  },
  { title: '@banzaicloud/service-tools, Express 4', packages: ['express', '@banzaicloud/service-tools'] },
];

/** What each stack costs before its first request: time and heap of the import, bytes and packages on disk. */
export function weigh(nodeBinary, rounds) {
  const imports = new Map(stacks.map((stack) => [stack, []]));
  for (let round = 0; round < rounds; round++) {
    for (const stack of rotated(stacks, round, rounds)) {
      const output = execFileSync(nodeBinary, ['--expose-gc', importCost, ...stack.packages], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, NODE_ENV: 'production' },
      });
      imports.get(stack).push(JSON.parse(output));
    }
  }
  return stacks.map((stack) => ({
    title: stack.title,
    importMs: median(imports.get(stack).map(({ ms }) => ms)),
    heapBytes: median(imports.get(stack).map(({ heapBytes }) => heapBytes)),
    ...installedSize(stack.packages),
  }));
}

/** Bytes and number of some packages with everything they depend on; peers are listed, not followed. */
function installedSize(names) {
  const seen = new Set();
  const visit = (name, from) => {
    const folder = findPackage(name, from);
    if (folder === undefined || seen.has(folder)) return;
    seen.add(folder);
    const { dependencies, optionalDependencies } = manifestOf(folder);
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies }))
      visit(dependency, folder);
  };
  for (const name of names) visit(name, bench);
  let bytes = 0;
  for (const folder of seen) bytes += publishedBytes(folder);
  return { bytes, packages: seen.size };
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
}

/** Where Node would find a package; an optional one can be missing. */
function findPackage(name, from) {
  const folder = path.join(from, 'node_modules', name);
  if (existsSync(folder)) return realpathSync(folder);
  const parent = path.dirname(from);
  return parent === from ? undefined : findPackage(name, parent);
}

/** A package of node_modules is what was published; of a checkout only some of it is. */
function publishedBytes(folder) {
  const isCheckout = !folder.split(path.sep).includes('node_modules');
  const entries = isCheckout
    ? ['package.json', 'README.md', 'LICENSE', ...manifestOf(folder).files]
    : readdirSync(folder);
  return bytesOf(entries.map((entry) => path.join(folder, entry)));
}

function bytesOf(files) {
  let bytes = 0;
  for (const file of files) {
    if (path.basename(file) === 'node_modules') continue;
    const stats = statSync(file);
    bytes += stats.isDirectory()
      ? bytesOf(readdirSync(file).map((entry) => path.join(file, entry)))
      : stats.size;
  }
  return bytes;
}
