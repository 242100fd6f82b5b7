import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(__dirname, '..');

/** Imports of one file each, that the rule in CONTRIBUTING.md rejects. */
const rejected = [
  ['support', '../logging/logger.js'],
  ['support', '../middleware/compression/index.js'],
  ['support/context', '../../core/server.js'],
  ['logging', '../middleware/request-logger/index.js'],
  ['logging', '../process/shutdown/index.js'],
  ['middleware/deadline', '../compression/index.js'],
  ['middleware/deadline', '../compression/encoded-cache.js'],
  ['middleware/deadline', '../../process/shutdown/index.js'],
  ['middleware/deadline', '../../core/server.js'],
  ['process/cluster', '../../middleware/deadline/index.js'],
  ['process/cluster', '../../core/productionize.js'],
] as const;

const allowed = [
  ['support/context', '../debug.js'],
  ['logging', '../support/debug.js'],
  ['middleware/deadline', './muted-response.js'],
  ['middleware/deadline', '../../support/debug.js'],
  ['middleware/request-logger', '../../logging/logger.js'],
  ['process/cluster', '../shutdown/ending.js'],
  ['core', '../middleware/deadline/index.js'],
  ['cli', '../process/cluster/primary.js'],
] as const;

/** Puts each import into a file of its own, and one ring of types, and lints them by the rules of this repository. */
function lint(): string {
  const copy = mkdtempSync(path.join(tmpdir(), 'structure-'));
  try {
    const rules = JSON.parse(readFileSync(path.join(root, 'biome.json'), 'utf8'));
    const local = { ...rules, $schema: undefined, vcs: undefined, files: undefined };
    writeFileSync(path.join(copy, 'biome.json'), JSON.stringify(local));
    const write = (file: string, text: string) => {
      mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
      writeFileSync(path.join(copy, file), text);
    };
    for (const [i, [directory, imported]] of [...rejected, ...allowed].entries()) {
      write(`src/${directory}/import${i}.ts`, `import '${imported}';\n`);
    }
    write('src/core/one.ts', "import type { Two } from './two.js';\nexport type One = Two;\n");
    write('src/core/two.ts', "import type { One } from './one.js';\nexport type Two = One;\n");
    const biome = path.join(root, 'node_modules/@biomejs/biome/bin/biome');
    const args = [biome, 'lint', '--max-diagnostics=none', '--colors=off', '.'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8' });
    return stdout + stderr;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

describe('the linter checks who may import whom', () => {
  const printed = lint();
  const complains = (i: number, directory: string) =>
    new RegExp(`src/${directory}/import${i}\\.ts:\\S+ lint/style/noRestrictedImports`).test(printed);

  it.each(rejected.map((pair, i) => [...pair, i] as const))('%s may not import %s', (directory, _, i) => {
    expect(complains(i, directory)).toBe(true);
  });

  it.each(allowed.map((pair, i) => [...pair, rejected.length + i] as const))(
    '%s may import %s',
    (directory, _, i) => {
      expect(complains(i, directory)).toBe(false);
    },
  );

  it('there is no import cycle, not even of types', () => {
    expect(printed).toMatch(/src\/core\/one\.ts:\S+ lint\/suspicious\/noImportCycles/);
  });
});

it('no two files of src have the same name, except a command and its implementation', () => {
  const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && path.basename(file) !== 'index.ts')
    .map((file) => path.basename(file));
  const twice = files.filter((file, i) => files.indexOf(file) !== i);
  expect(twice).toEqual(['log-level.ts', 'precompress.ts']);
});

it('every part of productionize that can be used alone has a directory with an index', () => {
  const directories = readdirSync(path.join(root, 'src/middleware'));
  for (const directory of directories) {
    expect(readdirSync(path.join(root, 'src/middleware', directory))).toContain('index.ts');
  }
});
