import { getOrCreate } from '../../../support/get-or-create.js';
import { maxDepth, unreadable } from '../source-text.js';

/** A directive, and the block that it opens. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  readonly line: number;
  readonly block?: Block;
}

export interface Block {
  /** The directive that opens it; `undefined` for the file. */
  readonly head?: Directive;
  readonly parent?: Block;
  readonly directives: readonly Directive[];
}

interface Token {
  readonly text: string;
  readonly line: number;
  /** `;`, `{` and `}` outside of quotes. */
  readonly isPunctuation: boolean;
}

/** Spaces, a comment, punctuation, a quoted word with escapes, a word. Braces after `$` belong to a word. */
const pattern =
  /\s+|#[^\n]*|[;{}]|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|(?:\$\{|[^\s;{}"'\\]|\\[\s\S])(?:\$\{\w*\}|[^\s;{}\\]|\\[\s\S])*/y;

function* tokensOf(name: string, text: string): Generator<Token> {
  let line = 1;
  pattern.lastIndex = 0;
  for (let index = 0; index < text.length; index = pattern.lastIndex) {
    pattern.lastIndex = index;
    const [found] = pattern.exec(text) ?? [];
    if (found === undefined) throw unreadable(name, 'a quoted text has no end', line);
    if (/^[^\s#]/.test(found)) {
      const isQuoted = /^["']/.test(found);
      const inner = isQuoted ? found.slice(1, -1).replace(/\\(["'\\])/g, '$1') : found;
      yield { text: inner, line, isPunctuation: !isQuoted && /^[;{}]$/.test(found) };
    }
    for (const character of found) if (character === '\n') line += 1;
  }
}

/**
 * Reads a file of nginx. Included files are not read.
 *
 * @throws ProductionizeError when braces or quotes are not balanced.
 */
export function readNginx(name: string, text: string): Block {
  const root: Mutable = { directives: [] };
  let block = root;
  let depth = 0;
  let words: Token[] = [];
  let line = 1;
  for (const token of tokensOf(name, text)) {
    line = token.line;
    if (!token.isPunctuation) {
      words.push(token);
      continue;
    }
    const [first, ...rest] = words;
    words = [];
    if (token.text === '}') {
      if (first) throw unreadable(name, `\`${first.text}\` has no \`;\``, first.line);
      if (block.parent === undefined) throw unreadable(name, 'a `}` has no `{`', token.line);
      depth -= 1;
      block = block.parent;
      continue;
    }
    // a `;` after a block does nothing
    if (first === undefined && token.text === ';') continue;
    const directive: MutableDirective = {
      name: (first ?? token).text,
      args: rest.map(({ text }) => text),
      line: (first ?? token).line,
    };
    block.directives.push(directive);
    if (token.text === ';') continue;
    depth += 1;
    if (depth > maxDepth) throw unreadable(name, `blocks are nested more than ${maxDepth} deep`, token.line);
    block = { head: directive, parent: block, directives: [] };
    directive.block = block;
  }
  const [open] = words;
  if (open) throw unreadable(name, `\`${open.text}\` has no \`;\``, open.line);
  if (block.head) throw unreadable(name, `the \`{\` of \`${block.head.name}\` has no \`}\``, block.head.line);
  if (root.directives.length === 0) throw unreadable(name, 'the file has no directive', line);
  return root;
}

interface Mutable extends Block {
  readonly parent?: Mutable;
  readonly directives: Directive[];
}

interface MutableDirective extends Directive {
  block?: Block;
}

/** The text of a directive on one line. */
export function textOf({ name, args, block }: Directive): string {
  const words = args.map((word) => (word === '' || /[\s;{}"']/.test(word) ? JSON.stringify(word) : word));
  return `${[name, ...words].join(' ')}${block ? ' {' : ';'}`;
}

const indexes = new WeakMap<Block, Map<string, Directive[]>>();

/** The directives of a block with a name. They are indexed once: each route of a file looks for the same ones. */
export function named(block: Block, name: string): readonly Directive[] {
  const index = getOrCreate(indexes, block, () => indexOf(block));
  return index.get(name) ?? [];
}

function indexOf({ directives }: Block): Map<string, Directive[]> {
  const index = new Map<string, Directive[]>();
  for (const directive of directives) getOrCreate(index, directive.name, () => []).push(directive);
  return index;
}

const maps = new WeakMap<Block, Map<string, Directive>>();

/** The block `map` that sets a variable. */
export function mapOf(root: Block, variable: string): Directive | undefined {
  const all = getOrCreate(maps, root, () => {
    const found = everyDirective(root).filter(({ name, block }) => name === 'map' && block);
    return new Map(found.map((directive) => [directive.args[1] ?? '', directive]));
  });
  return all.get(variable);
}

/** All directives of a block and of the blocks in it. */
export function everyDirective(block: Block): Directive[] {
  return block.directives.flatMap((directive) => [
    directive,
    ...(directive.block ? everyDirective(directive.block) : []),
  ]);
}
