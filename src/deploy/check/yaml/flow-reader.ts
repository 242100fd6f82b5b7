import { maxDepth } from '../source-text.js';
import type { YamlEntry, YamlNode } from './yaml-node.js';

/** An error of the text at an index; the reader of blocks adds the line. */
export class FlowError extends Error {}

/** Reads values within one text: quoted and plain scalars, and collections in brackets. */
export class FlowReader {
  #index = 0;

  constructor(
    private readonly text: string,
    private readonly line: number,
    private readonly alias: (name: string) => YamlNode | undefined,
  ) {}

  /** Reads the whole text as one value. */
  read(): YamlNode {
    const value = this.#value(0);
    this.#skip();
    if (this.#index < this.text.length && this.text[this.#index] !== '#') {
      throw new FlowError(`unexpected \`${this.text.slice(this.#index, this.#index + 20)}\``);
    }
    return value;
  }

  #skip(): void {
    while (/\s/.test(this.text[this.#index] ?? '')) this.#index += 1;
  }

  #value(depth: number): YamlNode {
    if (depth > maxDepth) throw new FlowError(`brackets are nested more than ${maxDepth} deep`);
    this.#skip();
    const first = this.text[this.#index];
    if (first === '[') return this.#list(depth);
    if (first === '{') return this.#map(depth);
    if (first === '"' || first === "'") return this.#scalar(this.#quoted(first), true);
    const plain = this.#take(
      depth === 0 ? /(?:(?!\s#)[\s\S])*/y : /(?:(?!\s#|:(?=[\s,[\]{}]|$))[^,[\]{}])*/y,
    ).trim();
    if (!plain.startsWith('*')) return this.#scalar(plain.replace(/^(?:[&!]\S*\s*)+/, ''), false);
    const node = this.alias(plain.slice(1));
    if (node === undefined) throw new FlowError(`\`${plain}\` has no anchor`);
    return node;
  }

  #scalar(text: string, isQuoted: boolean): YamlNode {
    return { kind: 'scalar', line: this.line, text, isQuoted };
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#index;
    const [found = ''] = pattern.exec(this.text) ?? [];
    this.#index += found.length;
    return found;
  }

  #quoted(quote: string): string {
    const found = this.#take(quote === '"' ? /"(?:\\[\s\S]|[^"\\])*"/y : /'(?:''|[^'])*'/y);
    if (found === '') throw new FlowError('a quoted text has no end');
    const inner = found.slice(1, -1);
    if (quote === "'") return inner.replaceAll("''", "'");
    return inner.replace(/\\(?:u([\da-f]{4})|x([\da-f]{2})|([\s\S]))/gi, (_, u, x, character: string) => {
      const code: string | undefined = u ?? x;
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      return ({ n: '\n', t: '\t', r: '\r', '\n': '' } as Record<string, string>)[character] ?? character;
    });
  }

  #list(depth: number): YamlNode {
    const items: YamlNode[] = [];
    this.#index += 1;
    while (!this.#ends(']')) {
      items.push(this.#value(depth + 1));
      this.#separator(']');
    }
    return { kind: 'list', line: this.line, items };
  }

  #map(depth: number): YamlNode {
    const entries = new Map<string, YamlEntry>();
    this.#index += 1;
    while (!this.#ends('}')) {
      const key = this.#value(depth + 1);
      this.#skip();
      const hasValue = this.text[this.#index] === ':';
      if (hasValue) this.#index += 1;
      this.#skip();
      const isEmpty = !hasValue || /[,}]/.test(this.text[this.#index] ?? '');
      const value = isEmpty ? this.#scalar('', false) : this.#value(depth + 1);
      if (key.kind === 'scalar') entries.set(key.text, { line: this.line, value });
      this.#separator('}');
    }
    return { kind: 'map', line: this.line, entries };
  }

  #ends(close: string): boolean {
    this.#skip();
    if (this.#index >= this.text.length) throw new FlowError(`a bracket has no \`${close}\``);
    if (this.text[this.#index] !== close) return false;
    this.#index += 1;
    return true;
  }

  #separator(close: string): void {
    this.#skip();
    const next = this.text[this.#index];
    if (next === ',') this.#index += 1;
    else if (next === undefined) throw new FlowError(`a bracket has no \`${close}\``);
    else if (next !== close) throw new FlowError(`expected \`,\` or \`${close}\``);
  }
}
