import type { Layer } from './express-layers.js';

/** What is known of the paths that a layer matches. */
export interface PathText {
  /** The path as it was written: literal text and parameters such as `:id`. */
  readonly text: string;
  /** True if the pattern continues after the text in a way that is not analyzed: wildcards, groups, expressions. */
  readonly open: boolean;
  /** False if the pattern may match more of a path than its text, even for a route. */
  readonly ends: boolean;
}

/** Reads the path of a layer; an array has one text per path. `undefined` means that nothing is known. */
export function pathTexts(layer: Layer): readonly PathText[] | undefined {
  const { rawPath, regexp } = layer;
  const paths = Array.isArray(rawPath) ? rawPath : [rawPath ?? regexp];
  const texts = paths.map((path) => {
    if (typeof path === 'string') return textOfPath(path);
    return path instanceof RegExp ? textOfRegExp(path, layer.keys) : undefined;
  });
  return texts.every((text) => text?.text.startsWith('/')) ? (texts as PathText[]) : undefined;
}

/** In the syntax of path-to-regexp 8, everything but literal text and `:name` begins with one of these characters. */
const special = /[{}()[\]+?!*\\"]/;

function textOfPath(path: string): PathText {
  const end = path.search(special);
  return end === -1
    ? { text: path, open: false, ends: true }
    : { text: path.slice(0, end), open: true, ends: false };
}

const endings = ['\\/?(?=\\/|$)', '(?=\\/|$)', '\\/?$', '$'];
/** A parameter as path-to-regexp 0.1 writes it; before 0.1.10 the slash stood before the group. */
const parameter = /\(\?:(\\\/)?\(\[\^\\?\/\]\+\?\)\)(?![?*+{])/g;
const literal = /^(?:\\[^A-Za-z0-9]|[^\\^$.*+?()[\]{}|])/;

/**
 * Reads the path of an Express 4 layer, which stores an expression only. This also holds for expressions that the app
 * wrote: the text is part of every path they match.
 */
function textOfRegExp(regexp: RegExp, keys: Layer['keys'] = []): PathText | undefined {
  const { source, flags } = regexp;
  const ending = endings.find((end) => source.endsWith(end)) ?? '';
  const body = source.slice(1, source.length - ending.length);
  if (!source.startsWith('^') || (flags !== '' && flags !== 'i') || body.includes('|')) return undefined;
  let key = 0;
  const named = body.replace(parameter, (_group, slash = '') => `${slash}:${keys[key++]?.name ?? key}`);
  const units: string[] = [];
  let rest = named;
  for (let unit = literal.exec(rest)?.[0]; unit !== undefined; unit = literal.exec(rest)?.[0]) {
    units.push(unit.length > 1 ? unit.slice(1) : unit);
    rest = rest.slice(unit.length);
  }
  // a quantifier makes the character before it optional
  if (/^[?*+{]/.test(rest)) units.pop();
  const text = units.join('');
  const open = rest !== '' || ending === '';
  // `/a//` is written as `/a/` and an optional slash
  const ends = !open && !ending.endsWith(')') && !/.\/$/.test(text);
  return { text, open, ends };
}
