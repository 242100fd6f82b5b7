/** A property of an object in the source of a script. */
export interface SourceProperty {
  readonly line: number;
  /** The source of its value. */
  text: string;
  /** The value, where it is an object. */
  object?: SourceObject;
}

export interface SourceObject {
  readonly properties: Map<string, SourceProperty>;
  /** Whether it has further properties, whose names only a run shows. */
  isOpen: boolean;
}

/** A pair of brackets, and the property of its object that is read. */
interface Scope {
  readonly object: SourceObject | undefined;
  key?: string | undefined;
  property?: SourceProperty | undefined;
  start: number;
}

const comment = /^\/[/*]/;
/** Comments, texts, the dots of a spread, words, and single characters. A text without an end ends with its line or the file. */
const token =
  /\/\/.*|\/\*[\s\S]*?(?:\*\/|$)|'(?:\\[\s\S]?|[^'\\\n])*'?|"(?:\\[\s\S]?|[^"\\\n])*"?|`(?:\\[\s\S]?|[^`\\])*`?|\.{3}|[\w$]+|\S/g;

/**
 * The apps in an ecosystem file of PM2: objects with the property `script`. The file is a script or JSON, and is not run.
 * What is no literal therefore remains source.
 */
export function readEcosystem(_file: string, text: string): SourceObject[] {
  const apps: SourceObject[] = [];
  const scopes: Scope[] = [];
  let [line, end] = [1, 0];

  function endProperty(scope: Scope | undefined, index: number): void {
    if (scope?.property) scope.property.text = text.slice(scope.start, index).trim();
    if (scope) scope.property = scope.key = undefined;
  }
  function open(bracket: string, index: number): void {
    const object = bracket === '{' ? { properties: new Map(), isOpen: false } : undefined;
    const outer = scopes.at(-1);
    if (outer?.property && object && text.slice(outer.start, index).trim() === '') {
      outer.property.object = object;
    }
    // the name of a property is computed
    if (bracket === '[' && outer?.object && !outer.property) outer.object.isOpen = true;
    scopes.push({ object, start: index });
  }
  function readName(scope: Scope, object: SourceObject, found: string, index: number): void {
    if (found === '...') object.isOpen = true;
    if (found !== ':' || scope.key === undefined) {
      scope.key = /^["'\w$]/.test(found) ? unquoted(found) : undefined;
      return;
    }
    scope.property = { line, text: '' };
    scope.start = index + 1;
    object.properties.set(scope.key, scope.property);
    if (scope.key === 'script') apps.push(object);
  }

  for (const { 0: found, index } of text.matchAll(token)) {
    line += text.slice(end, index).split('\n').length - 1;
    const scope = scopes.at(-1);
    if ('{[('.includes(found)) open(found, index);
    else if ('}])'.includes(found)) endProperty(scopes.pop(), index);
    else if (',;'.includes(found)) endProperty(scope, index);
    else if (scope?.object && !scope.property && !comment.test(found))
      readName(scope, scope.object, found, index);
    end = index;
  }
  return apps;
}

/** The text of a literal; `undefined` for other source. */
export function textOf({ text }: SourceProperty): string | undefined {
  return /^(?:'[^'\\]*'|"[^"\\]*"|`[^`\\$]*`|[\d_]+)$/.test(text) ? unquoted(text) : undefined;
}

function unquoted(text: string): string {
  return text.replace(/^(["'`])(.*)\1$/s, '$2');
}
