// The words that CONTRIBUTING.md replaces must not return to the sources, the README and the documentation; sentences of
// the documentation stay short.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** The words that must stand nowhere, and what stands there instead. */
const everywhere = [
  [/passages?\b|payUp|errand|\bdebts?\b/i, 'context, task, request, what was deferred'],
  [/\blandings?\b|\bends well\b|\bcomes to\b/i, 'result, succeeds, results in'],
  [/what (nothing caught|got past everything)/i, 'an uncaught error, a request that no route handled'],
  [/\bquiet\b(?! Ms\b)/i, 'idle'],
  [/(?<!in |in-|in)\bflights?\b/i, 'coalesced request'],
  [/\bdemands?\b|\bstandings?\b|\bspoken\b/i, 'shutdown request, state, active'],
  [/\banew\b|\bby hand\b/i, 'again, manually'],
  [/\banswer(s|ed|ing)?\b/i, 'response, to respond, completed'],
  [/\bfolders?\b/i, 'directory'],
  // the report of an app has the state `kept`
  [/(?<!['`])\bkept\b(?!['`:])/i, 'cached, stored, left in place'],
  [/\b(tells?|told|telling|hears?|heard)\b/i, 'notifies, calls, receives, is passed'],
  [/\b(says?|said|saying)\b/i, 'states, returns, logs, contains'],
  [/\b(asks?|asked|asking)\b/i, 'requests, queries, calls'],
  [/\b((no|some|every)body|who ?ever)\b/i, 'no client, another process, every client, a caller that'],
  [/\bwish(es)?\b|\bmanners\b/i, 'preferences, settings of a shutdown'],
  // a flag of `doctor` is `--silence`, and an option of `audit` the same word
  [/\bspeaks?\b|(?<!['"`-])\bsilence\b(?!['":?])/i, 'notifies, idle time'],
  [/vitals|\bscenes?\b|\btall(y|ies)\b/i, 'metrics, state, counts'],
  [/\bat once\b|\bby themselves\b/i, 'immediately, on their own'],
  [/\b(is|are) well\b/i, 'is healthy'],
];

/** The words that must not stand in the documentation either. */
const inDocuments = [
  [/\bkept\b/i, 'cached, stored, left in place'],
  [/\bgoes by\b|\b(comes?|came)\b/i, 'uses, is based on, arrives'],
];

const markdown = readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'));
const documents = ['README.md', ...markdown.map((name) => path.join('docs', name))];
const sources = readdirSync(path.join(root, 'src'), { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => path.join('src', name));

const read = (file) => readFileSync(path.join(root, file), 'utf8');

/** Source text with the parts of each name as separate words. */
const splitNames = (text) => text.replace(/(?<=\p{Ll}|\d)(?=\p{Lu})|_/gu, ' ');

/** A document without code, output, pictures and titles of tests, line by line as it was. */
const proseOf = (text) =>
  text
    .replace(/^(```+)[\s\S]*?^\1/gm, (block) => block.replace(/.+/g, ''))
    .replace(/`[^`]*`/g, (code) => code.replace(/[^\n]+/g, 'code'))
    .replace(/!\[[^\]]*\]|^ +- \[.*\]\(\.\.\/test\/.*$/gm, '')
    .replace(/\]\([^)]*\)/g, ']');

const problems = [];

function findWords(file, text, words) {
  for (const [index, line] of text.split('\n').entries()) {
    for (const [pattern, instead] of words) {
      const match = pattern.exec(line);
      if (match) problems.push(`${file}:${index + 1}: "${match[0]}"; instead: ${instead}`);
    }
  }
}

const longest = 25;

/** Of paragraphs, items of lists, and cells of tables. */
function findLongSentences(file, text) {
  const blocks = text.split(/\n\s*\n|\||\n(?=\s*(?:[-*#]|\d+\.) )/);
  for (const sentence of blocks.flatMap((block) =>
    block.replace(/\s+/g, ' ').split(/(?<=[.!?][)*"]?) (?=\S)/),
  )) {
    const count = sentence.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
    if (count > longest)
      problems.push(`${file}: ${count} words in a sentence: "${sentence.trim().slice(0, 60)}…"`);
  }
}

for (const file of sources) {
  findWords(file, splitNames(read(file)), everywhere);
}
for (const file of documents) {
  const prose = proseOf(read(file));
  findWords(file, prose, [...everywhere, ...inDocuments]);
  findLongSentences(file, prose);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
