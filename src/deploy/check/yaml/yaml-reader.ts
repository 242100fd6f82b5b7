import { maxDepth, unreadable } from '../source-text.js';
import { FlowError, FlowReader } from './flow-reader.js';
import type { YamlEntry, YamlNode } from './yaml-node.js';

/**
 * Reads the documents of a YAML file: what Compose and Kubernetes files consist of, anchors and merge keys included.
 *
 * @throws ProductionizeError when a line cannot be read.
 */
export function readYaml(name: string, text: string): YamlNode[] {
  const lines = text.split('\n');
  const template = lines.findIndex((line) => /^\s*(?:-\s+)?\{\{|:\s*\{\{/.test(line));
  if (template >= 0) throw unreadable(name, 'the file is a template: check its output', template + 1);
  const starts = lines.flatMap((line, i) => (/^(?:---|\.\.\.)(?:\s|$)/.test(line) ? [i] : []));
  const documents = [0, ...starts.map((i) => i + 1)].map((from, i) =>
    new BlockReader(name, lines, from, starts[i] ?? lines.length).read(),
  );
  return documents.filter((document) => document !== undefined);
}

/** A longer value over several lines is none of a deployment file. */
const maxLines = 200;

const keyPattern =
  /^(?:"((?:\\.|[^"\\])*)"|'((?:''|[^'])*)'|([^\s#&*!|>'"%@`[\]{},-][^#]{0,250}?|[^\s#&*!|>'"%@`[\]{}][^\s#]{0,250}?|<<))\s*:(?=\s|$)/;

class BlockReader {
  readonly #anchors = new Map<string, YamlNode>();
  #at: number;

  constructor(
    private readonly name: string,
    private readonly lines: string[],
    from: number,
    private readonly end: number,
  ) {
    this.#at = from;
  }

  read(): YamlNode | undefined {
    const indent = this.#next();
    if (indent === undefined) return undefined;
    const node = this.#block(indent, 0);
    if (this.#next() !== undefined) this.#fail('the indentation does not match');
    return node;
  }

  #fail(what: string, index = this.#at): never {
    throw unreadable(this.name, what, index + 1);
  }

  /** Goes to the next line with content and returns its indentation. */
  #next(): number | undefined {
    for (; this.#at < this.end; this.#at++) {
      const line = this.lines[this.#at] as string;
      const indent = line.search(/[^ ]/);
      if (indent < 0 || /^\s*(#|$)/.test(line) || /^%/.test(line)) continue;
      if (line[indent] === '\t') this.#fail('a tab is no indentation');
      return indent;
    }
    return undefined;
  }

  #content(indent: number): string {
    return (this.lines[this.#at] as string).slice(indent).trimEnd();
  }

  #block(indent: number, depth: number): YamlNode {
    if (depth > maxDepth) this.#fail(`values are nested more than ${maxDepth} deep`);
    const content = this.#content(indent);
    if (/^-(\s|$)/.test(content)) return this.#list(indent, depth);
    if (keyPattern.test(content)) return this.#map(indent, depth);
    const index = this.#at;
    this.#at += 1;
    return this.#value(content, index, indent - 1, depth);
  }

  #list(indent: number, depth: number): YamlNode {
    const line = this.#at + 1;
    const items: YamlNode[] = [];
    while (this.#next() === indent && /^-(\s|$)/.test(this.#content(indent))) {
      const index = this.#at;
      const content = this.#content(indent);
      const rest = content.slice(1).trimStart();
      if (rest === '' || rest.startsWith('#')) {
        this.#at += 1;
        items.push(this.#nested(indent, index, depth, false));
      } else if (/^-(\s|$)/.test(rest) || keyPattern.test(rest)) {
        // the rest of the line is the first line of a block
        const inner = indent + content.length - rest.length;
        this.lines[index] = ' '.repeat(inner) + rest;
        items.push(this.#block(inner, depth + 1));
      } else {
        this.#at += 1;
        items.push(this.#value(rest, index, indent, depth));
      }
    }
    return { kind: 'list', line, items };
  }

  #map(indent: number, depth: number): YamlNode {
    const line = this.#at + 1;
    const entries = new Map<string, YamlEntry>();
    while (this.#next() === indent) {
      const index = this.#at;
      const content = this.#content(indent);
      const [start = '', double, single, plain] =
        keyPattern.exec(content) ?? this.#fail('expected `key: value`');
      const key = double ?? single ?? (plain as string);
      this.#at += 1;
      const value = this.#value(content.slice(start.length).trim(), index, indent, depth, true);
      if (key !== '<<') entries.set(key, { line: index + 1, value });
      else
        for (const base of value.kind === 'list' ? value.items : [value]) {
          if (base.kind !== 'map') continue;
          for (const [name, entry] of base.entries) if (!entries.has(name)) entries.set(name, entry);
        }
    }
    return { kind: 'map', line, entries };
  }

  /** What stands on the following lines, deeper than its parent. A list in a map may have the same indentation. */
  #nested(indent: number, index: number, depth: number, isInMap: boolean): YamlNode {
    const next = this.#next();
    const isList = next === indent && isInMap && /^-(\s|$)/.test(this.#content(next));
    if (next !== undefined && (next > indent || isList)) return this.#block(next, depth + 1);
    return { kind: 'scalar', line: index + 1, text: '', isQuoted: false };
  }

  /** A value that starts on the line with this index. */
  #value(text: string, index: number, indent: number, depth: number, isInMap = false): YamlNode {
    const [, properties = '', rest = ''] = /^((?:[&!]\S*(?:\s+|$))*)([\s\S]*)$/.exec(text) ?? [];
    const node = this.#unnamed(rest, index, indent, depth, isInMap);
    const [, anchor] = /&(\S+)/.exec(properties) ?? [];
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    return node;
  }

  #unnamed(text: string, index: number, indent: number, depth: number, isInMap: boolean): YamlNode {
    if (text === '' || text.startsWith('#')) return this.#nested(indent, index, depth, isInMap);
    if (/^[|>]/.test(text)) return this.#literal(index, indent);
    let whole = text;
    const isOpen = () => /^["[{]|^'/.test(whole) && !isClosed(whole);
    const isPlain = !/^["'[{*]/.test(text);
    const last = Math.min(this.end, this.#at + maxLines);
    while (this.#at < last && (isOpen() || (isPlain && (this.#next() ?? 0) > indent))) {
      whole += ` ${(this.lines[this.#at] as string).trim()}`;
      this.#at += 1;
    }
    try {
      return new FlowReader(whole, index + 1, (name) => this.#anchors.get(name)).read();
    } catch (error) {
      if (error instanceof FlowError) this.#fail(error.message, index);
      throw error;
    }
  }

  #literal(index: number, indent: number): YamlNode {
    const lines: string[] = [];
    for (; this.#at < this.end; this.#at++) {
      const line = this.lines[this.#at] as string;
      if (line.trim() !== '' && line.search(/\S/) <= indent) break;
      lines.push(line.trim());
    }
    return { kind: 'scalar', line: index + 1, text: lines.join('\n').trim(), isQuoted: true };
  }
}

/** Whether all quotes and brackets at the start of a text have their end. */
function isClosed(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:\\[\s\S]|[^"\\])*"|'(?:''|[^'])*'|["'[\]{}]|\s#.*$/g)) {
    if (token === '"' || token === "'") return false;
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth <= 0 && /^["'\]}]/.test(token)) return true;
  }
  return depth <= 0;
}
