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
