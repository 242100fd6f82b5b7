import { unreadable } from '../source-text.js';

/** One line of a section, split into words. */
export interface Line {
  readonly words: readonly string[];
  readonly line: number;
  readonly text: string;
}

export interface Section {
  readonly kind: string;
  readonly name: string;
  readonly line: number;
  readonly lines: readonly Line[];
  /** The section `defaults` that applies to it. */
  readonly defaults?: Section;
}

const kinds = new Set(
  'backend cache crt-list crt-store defaults fcgi-app frontend global http-errors listen log-forward mailers peers program resolvers ring userlist traces'.split(
    ' ',
  ),
);

/** A word with quotes and escapes in it. */
const word = /(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\#])+/gy;

/**
 * Reads a configuration of HAProxy.
 *
 * @throws ProductionizeError when a quote has no end, or a line is in no section.
 */
export function readHaproxy(name: string, text: string): Section[] {
  const sections: Section[] = [];
  let lines: Line[] = [];
  let defaults: Section | undefined;
  for (const [index, source] of text.split('\n').entries()) {
    const words = wordsOf(source);
    const line = index + 1;
    if (words === undefined) throw unreadable(name, 'a quoted text has no end', line);
    const [first, second = ''] = words;
    if (first === undefined) continue;
    if (kinds.has(first)) {
      lines = [];
      const section: Section = {
        kind: first,
        name: second,
        line,
        lines,
        defaults: baseOf(words, sections) ?? defaults,
      };
      if (first === 'defaults') defaults = section;
      sections.push(section);
    } else if (sections.length > 0) lines.push({ words, line, text: source.trim() });
    else if (!first.startsWith('.')) throw unreadable(name, `\`${first}\` is in no section`, line);
  }
  if (sections.length === 0) throw unreadable(name, 'the file has no section');
  return sections;
}

/** `backend app from base` names its defaults. */
function baseOf(words: readonly string[], sections: readonly Section[]): Section | undefined {
  const at = words.indexOf('from');
  return at < 1
    ? undefined
    : sections.find(({ kind, name }) => kind === 'defaults' && name === words[at + 1]);
}

function wordsOf(source: string): string[] | undefined {
  const words: string[] = [];
  let rest = source.trimStart();
  while (rest !== '' && !rest.startsWith('#')) {
    word.lastIndex = 0;
    const [found] = word.exec(rest) ?? [];
    if (found === undefined) return undefined;
    words.push(
      found.replace(
        /\\(.)|"((?:\\.|[^"\\])*)"|'([^']*)'/g,
        (_, escaped, double, single) => escaped ?? double?.replace(/\\(.)/g, '$1') ?? single,
      ),
    );
    rest = rest.slice(found.length).trimStart();
  }
  return words;
}
