/** Comments, and literals in which a brace has no meaning. */
const ignored =
  /\/\/.*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(,=:[!&|?{};]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//g;

/**
 * Whether an async function consists of a `try` whose `catch` cannot fail. Its source decides. Where the source is
 * unclear, the result is false.
 */
export function catchesItsErrors(handler: object): boolean {
  const source = Function.prototype.toString
    .call(handler)
    .replace(ignored, (text) => (text[0] === '`' ? '``' : "''"));
  const body = blockAt(source, bodyStart(source));
  const [before] = /^[\s\S]*?(?=\btry\s*\{)/.exec(body) ?? [];
  // declarations may stand in front of it; what they call or read of an absent body may throw
  if (before === undefined || /[(`]|\b(?:await|throw|body)\b/.test(before)) return false;
  const [caught, end] = nextBlock(body, nextBlock(body, before.length, 'try')[1], 'catch');
  const [last, rest] = nextBlock(body, end, 'finally');
  return caught !== '' && !/\b(?:await|throw)\b/.test(caught + last) && body.slice(rest).trim() === '';
}

/** The block that follows a keyword at an index, and the index behind it; an empty one where it does not follow. */
function nextBlock(source: string, start: number, keyword: string): [block: string, end: number] {
  const [head] = new RegExp(`^\\s*${keyword}\\s*(?:\\([^)]*\\)\\s*)?(?=\\{)`).exec(source.slice(start)) ?? [];
  if (head === undefined) return ['', start];
  const block = blockAt(source, start + head.length);
  return [` ${block}`, start + head.length + block.length + 2];
}

/** The index of the brace that opens the body: the first one outside of the parentheses of the parameters. */
function bodyStart(source: string): number {
  let depth = 0;
  return source.split('').findIndex((character) => {
    if (character === '(') depth++;
    if (character === ')') depth--;
    return character === '{' && depth === 0;
  });
}

/** The text between the brace at an index and the one that closes it; empty where there is none. */
function blockAt(source: string, start: number): string {
  let depth = 0;
  for (let at = Math.max(start, 0); at < source.length; at++) {
    if (source[at] === '{') depth++;
    else if (source[at] === '}' && --depth === 0) return source.slice(start + 1, at);
  }
  return '';
}
