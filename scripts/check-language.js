// The words that CONTRIBUTING.md replaces must not return to the sources, the README and the documentation; sentences of
// the documentation stay short.
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

const longest = 25;

/** The sentences of a document: of its paragraphs, list items and table cells, without code, pictures and titles of tests. */
function sentencesOf(text) {
  return text
    .replace(/^(```+)[\s\S]*?^\1/gm, '\n\n')
    .replace(/`[^`]*`/g, 'code')
    .replace(/!\[[^\]]*\]|^ +- \[.*\]\(\.\.\/test\/.*$/gm, '')
    .replace(/\]\([^)]*\)/g, ']')
    .split(/\n\s*\n|\||\n(?=\s*(?:[-*#]|\d+\.) )/)
    .flatMap((block) => block.replace(/\s+/g, ' ').split(/(?<=[.!?][)*"]?) (?=\S)/));
}

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
for (const file of files.filter((name) => name.endsWith('.md'))) {
  for (const sentence of sentencesOf(readFileSync(path.join(root, file), 'utf8'))) {
    const words = sentence.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
    if (words <= longest) continue;
    found++;
    console.error(`${file}: ${words} words in a sentence: "${sentence.trim().slice(0, 60)}…"`);
  }
}
if (found > 0) process.exitCode = 1;
