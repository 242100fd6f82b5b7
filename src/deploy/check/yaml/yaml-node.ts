/** A value of a YAML document with its line. */
export type YamlNode = YamlScalar | YamlList | YamlMapping;

export interface YamlScalar {
  readonly kind: 'scalar';
  readonly line: number;
  readonly text: string;
  readonly isQuoted: boolean;
}

export interface YamlList {
  readonly kind: 'list';
  readonly line: number;
  readonly items: readonly YamlNode[];
}

export interface YamlMapping {
  readonly kind: 'map';
  readonly line: number;
  readonly entries: ReadonlyMap<string, YamlEntry>;
}

/** A key and its value. */
export interface YamlEntry {
  readonly line: number;
  readonly value: YamlNode;
}

/** The entry at a path of keys. */
export function entryAt(node: YamlNode | undefined, ...keys: readonly string[]): YamlEntry | undefined {
  const [key, ...rest] = keys;
  if (node?.kind !== 'map' || key === undefined) return undefined;
  const entry = node.entries.get(key);
  return rest.length === 0 ? entry : entryAt(entry?.value, ...rest);
}

export const nodeAt = (node: YamlNode | undefined, ...keys: readonly string[]): YamlNode | undefined =>
  entryAt(node, ...keys)?.value;

/** The text of a scalar; `undefined` for other values and for null. */
export function textAt(node: YamlNode | undefined, ...keys: readonly string[]): string | undefined {
  const value = keys.length === 0 ? node : nodeAt(node, ...keys);
  if (value?.kind !== 'scalar') return undefined;
  return !value.isQuoted && /^(~|null)?$/i.test(value.text) ? undefined : value.text;
}

export function itemsAt(node: YamlNode | undefined, ...keys: readonly string[]): readonly YamlNode[] {
  const value = keys.length === 0 ? node : nodeAt(node, ...keys);
  return value?.kind === 'list' ? value.items : [];
}

export const entriesOf = (node: YamlNode | undefined): [string, YamlEntry][] =>
  node?.kind === 'map' ? [...node.entries] : [];
