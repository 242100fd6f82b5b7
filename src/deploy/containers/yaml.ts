/** A value of a YAML document. A key that starts with `# ` is written as a comment above the next entry. */
export type Yaml = string | number | boolean | readonly Yaml[] | YamlMap;

export interface YamlMap {
  readonly [key: string]: Yaml | undefined;
}

/** Formats a document in block style. Entries that are `undefined` are left out. */
export function yaml(document: YamlMap): string {
  return `${mapLines(document).join('\n')}\n`;
}

function mapLines(map: YamlMap): string[] {
  return Object.entries(map).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (key.startsWith('# ')) return [key];
    if (typeof value !== 'object') return [`${scalar(key)}: ${scalar(value)}`];
    const lines = Array.isArray(value) ? listLines(value) : mapLines(value as YamlMap);
    if (lines.length === 0) return [`${scalar(key)}: ${Array.isArray(value) ? '[]' : '{}'}`];
    return [`${scalar(key)}:`, ...lines.map((line) => `  ${line}`)];
  });
}

function listLines(list: readonly Yaml[]): string[] {
  return list.flatMap((item) => {
    if (typeof item !== 'object') return [`- ${scalar(item)}`];
    const lines = Array.isArray(item) ? listLines(item) : mapLines(item as YamlMap);
    // a comment must not take the place of the first entry
    const first = lines.findIndex((line) => !line.startsWith('# '));
    return lines.map((line, index) => (index === first ? `- ${line}` : index < first ? line : `  ${line}`));
  });
}

/** Words that YAML 1.1 reads as another type than a string. */
const reserved = /^(?:y|n|yes|no|on|off|true|false|null)$/i;
const plain = /^[A-Za-z/][\w./-]*(?::[\w./-]+)*$/;

function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string' || (plain.test(value) && !reserved.test(value))) return String(value);
  // JSON is YAML, except that it leaves some characters that YAML does not accept
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
