import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as symbols from '../../src/support/symbols.js';

const root = join(__dirname, '../../src');
const list = join(root, 'support/symbols.ts');

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join(root, file))
  .filter((file) => file !== list)
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

const foreign: readonly symbol[] = [
  symbols.otelApi,
  symbols.otelSpan,
  symbols.pinoMetadata,
  symbols.signalExitEmitter,
];

it('is the only file that contains a registered symbol or a process-wide value', () => {
  const named = /Symbol\.for\(\s*['"`](?!\$\{)|processWide(?:<[^;]*?>)?\(\s*['"`]/;
  expect(sources.filter(({ text }) => named.test(text)).map(({ file }) => file)).toEqual([]);
});

it('registers each symbol once, under one scheme', () => {
  const keys = Object.values(symbols).map((symbol) => Symbol.keyFor(symbol));
  expect(new Set(keys).size).toBe(keys.length);
  for (const symbol of Object.values(symbols)) {
    if (!foreign.includes(symbol))
      expect(Symbol.keyFor(symbol)).toMatch(/^express-productionize\/[a-z0-9-]+$/);
  }
});

it.each(Object.keys(symbols))('%s is documented and used', (name) => {
  expect(readFileSync(list, 'utf8')).toMatch(new RegExp(`\\*/\nexport const ${name} = `));
  expect(sources.some(({ text }) => new RegExp(`\\b${name}\\b`).test(text))).toBe(true);
});
