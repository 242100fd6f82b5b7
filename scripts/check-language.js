// The words that CONTRIBUTING.md replaces must not return to the sources, the README and the documentation.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** What must not stand there, and what stands there instead. */
const words = [
  [/\bpassages?\b|\bpayUp\b|\berrands?\b|\bdebts?\b/i, 'the name of the field: context, task, request'],
  [
    /\blandings?\b|what (nothing caught|got past everything)|\bends well\b/i,
    'coalesced request, uncaught, succeeds',
  ],
];

const documents = readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'));
const sources = readdirSync(path.join(root, 'src'), { recursive: true }).filter((name) =>
  name.endsWith('.ts'),
);
const files = [
  'README.md',
  ...documents.map((name) => path.join('docs', name)),
  ...sources.map((name) => path.join('src', name)),
];

let found = 0;
for (const file of files) {
  for (const [index, line] of readFileSync(path.join(root, file), 'utf8').split('\n').entries()) {
    for (const [pattern, instead] of words) {
      const match = pattern.exec(line);
      if (!match) continue;
      found++;
      console.error(`${file}:${index + 1}: "${match[0]}"; instead: ${instead}`);
    }
  }
}
if (found > 0) process.exitCode = 1;
