import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { errors, helpFile, helpFor, ProductionizeError, quote, warnOnce } from '../../src/support/errors.js';

const root = path.join(__dirname, '../..');
const codes = Object.keys(errors).sort();

const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && name !== path.join('support', 'errors.ts'))
  .map((name) => readFileSync(path.join(root, 'src', name), 'utf8'))
  .join('\n');

const mentioned = (text: string, before = ''): string[] => [
  ...new Set(
    [...text.matchAll(new RegExp(`${before}(ERR_PRODUCTIONIZE_[A-Z_]*[A-Z])`, 'g'))].map(
      ([, code]) => code as string,
    ),
  ),
];

describe('the table of errors', () => {
  it('has every code that the library uses, and uses every code that it has', () => {
    expect(mentioned(sources).sort()).toEqual(codes);
  });

  it('states for each code whether it is thrown, warned about, or both', () => {
    const thrown = mentioned(sources, "new ProductionizeError\\(\\s*'");
    const warned = mentioned(sources, "warnOnce\\(\\s*'");
    for (const code of thrown)
      expect([code, errors[code as keyof typeof errors].does]).toEqual([
        code,
        expect.stringContaining('throws'),
      ]);
    for (const code of warned)
      expect([code, errors[code as keyof typeof errors].does]).toEqual([
        code,
        expect.stringContaining('warns'),
      ]);
  });

  it('has one entry for each code in the documentation, in its order, that begins with its meaning', () => {
    const text = readFileSync(path.join(root, helpFile), 'utf8');
    const entries = text.split(/^## /m).slice(1);
    expect(entries.map((entry) => entry.split('\n', 1)[0])).toEqual(Object.keys(errors));
    for (const entry of entries) {
      const [code, , first] = entry.split('\n');
      expect(first).toContain(errors[code as keyof typeof errors].means);
      expect(entry).toMatch(/\*\*Why:\*\* [\s\S]+\*\*What to do:\*\* /);
    }
  });

  it('is all that README and documentation mention', () => {
    const papers = ['README.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)];
    for (const paper of papers.filter((name) => name.endsWith('.md'))) {
      const text = readFileSync(path.join(root, paper), 'utf8');
      expect(mentioned(text).filter((code) => !codes.includes(code))).toEqual([]);
    }
  });

  it('gives each code an address in a file that exists', () => {
    expect(existsSync(path.join(root, helpFile))).toBe(true);
    expect(helpFor('ERR_PRODUCTIONIZE_APP')).toBe('docs/errors.md#err_productionize_app in the package');
    expect(new ProductionizeError('ERR_PRODUCTIONIZE_APP', 'No app.').message).toBe(
      'No app. (ERR_PRODUCTIONIZE_APP, see docs/errors.md#err_productionize_app in the package)',
    );
  });

  it('warns once per code and subject', () => {
    const emit = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    for (const subject of ['a', 'a', 'b'])
      warnOnce('ERR_PRODUCTIONIZE_GRACE', `of ${subject}.`, `test ${subject}`);
    const seen = emit.mock.calls;
    emit.mockRestore();
    const options = { type: 'ProductionizeWarning', code: 'ERR_PRODUCTIONIZE_GRACE' };
    expect(seen).toEqual([
      ['of a. See docs/errors.md#err_productionize_grace in the package.', options],
      ['of b. See docs/errors.md#err_productionize_grace in the package.', options],
    ]);
  });
});

describe('quote', () => {
  class Engine {}
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [1, '1'],
    ["it's", '"it\'s"'],
    ['x'.repeat(1000), `'${'x'.repeat(80)}'... 920 more characters`],
    [Symbol('s'), 'Symbol(s)'],
    [['a', 1], "[ 'a', 1 ]"],
    [[{}, {}], 'an array of 2'],
    [/x/, '/x/'],
    [{}, 'an empty object'],
    [Object.create(null), 'an empty object'],
    [{ a: 1 }, 'an object with the key a'],
    [{ a: 1, b: 2 }, 'an object with the keys a, b'],
    [{ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 }, 'an object with the keys a, b, c, d, e …'],
    [new Engine(), 'an Engine'],
    [Promise.resolve(), 'a Promise'],
    [new RangeError('too far'), 'RangeError: too far'],
    [function named() {}, 'a function named'],
    [(() => () => {})(), 'a function'],
    [{ method: 'GET', url: '/', headers: {} }, 'a request'],
    [revoked.proxy, 'a value that cannot be inspected'],
  ])('describes %# on one line', (value, text) => {
    expect(quote(value)).toBe(text);
  });
});
