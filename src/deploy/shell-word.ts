/**
 * Quotes one word for a POSIX shell. Words of unambiguous characters are returned unchanged. The result is one line:
 * characters that end a line or a comment somewhere are written as escapes, which bash, zsh and POSIX.1-2024 read.
 */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (!breaksLine.test(word)) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const escaped = word.replace(/[\\']/g, String.raw`\$&`).replace(everyBreak, (character) => {
    const code = character.codePointAt(0) as number;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `$'${escaped}'`;
}

/** Reads words that {@link shellWord} wrote. */
export function shellWords(line: string): string[] {
  const words = line.match(/(?:\$'(?:\\.|[^'\\])*'|'[^']*'|\\.|[^\s'\\])+/g) ?? [];
  return words.map((word) =>
    word.replace(/\$'((?:\\.|[^'\\])*)'|'([^']*)'|\\(.)/g, (_, escaped, quoted, character) =>
      escaped === undefined
        ? (quoted ?? character)
        : escaped.replace(/\\(?:u([\da-f]{4})|(.))/g, (_: string, code: string, plain: string) =>
            code === undefined ? plain : String.fromCodePoint(Number.parseInt(code, 16)),
          ),
    ),
  );
}

const breaksLine = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
const everyBreak = new RegExp(breaksLine, 'gu');
