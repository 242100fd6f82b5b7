import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expressNames } from '../helpers/express-names.js';
import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

/** What Node loads in milliseconds, and an app that does not use it should not wait for. */
const costly = [
  'https',
  'http2',
  'inspector',
  'internal/deps/undici/undici',
  'internal/webstreams/readablestream',
  'readline',
  'tls',
];

interface Loaded {
  readonly builtins: string[];
  readonly files: string[];
  readonly bytes: number;
}

async function loadedBy(form: string, express: string): Promise<Loaded> {
  const program = run('import-loads.cjs', { args: [form, express] });
  const { code } = await program.exit();
  expect([code, program.err]).toEqual([0, []]);
  return JSON.parse(program.out.join('')) as Loaded;
}

describe.each(expressNames)('beside %s', (express) => {
  it.each(['esm', 'cjs'])(
    'the import as %s and a call load no module of Node that they do not use',
    async (form) => {
      const { builtins } = await loadedBy(form, express);
      expect(builtins.filter((name) => costly.includes(name))).toEqual([]);
    },
  );

  it('the CommonJS form loads no file of a part that is off, neither at the start nor later', async () => {
    const { files, bytes } = await loadedBy('cjs', express);
    const own = files.filter((file) => !file.startsWith('shared-'));
    expect(own).toEqual(['index.cjs']);
    expect(files.length).toBeLessThanOrEqual(7);
    expect(bytes).toBeLessThan(420_000);
  });
});

describe('the files of the package that entries share', () => {
  const dist = path.join(__dirname, '../../dist');
  const shared = readdirSync(dist).filter((name) => /^shared-.*\.cjs$/.test(name));
  const texts = new Map(shared.map((name) => [name, readFileSync(path.join(dist, name), 'utf8')]));

  it('run in strict mode', () => {
    expect(shared.length).toBeGreaterThan(10);
    expect(shared.filter((name) => !texts.get(name)?.startsWith('"use strict";\n'))).toEqual([]);
  });

  it('export values, and getters only beside what is loaded when it is used', () => {
    const withGetters = shared.filter((name) => texts.get(name)?.includes('__toCommonJS('));
    const withLateExports = shared.filter((name) =>
      /^\t\w+: \(\) => \(import_\w+\(\)\)\.\w+,?$/m.test(texts.get(name) ?? ''),
    );
    expect(withGetters).toEqual(withLateExports);
  });
});
