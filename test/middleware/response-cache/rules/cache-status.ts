/** One member of a Cache-Status: a structured-field item with parameters (RFC 8941). */
export interface CacheStatus {
  readonly cache: string;
  readonly parameters: Readonly<Record<string, string | number | true>>;
}

/** Parses a Cache-Status strictly; anything outside the grammar throws. */
export function cacheStatuses(value: string | undefined): CacheStatus[] {
  let rest = value ?? '';
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(rest)?.[0];
    if (found !== undefined) rest = rest.slice(found.length);
    return found;
  };
  const text = /^"(?:[ !#-[\]-~]|\\["\\])*"/;
  const token = /^[a-zA-Z*][\w!#$%&'*+.^`|~:/-]*/;
  const members: CacheStatus[] = [];
  for (;;) {
    const cache = take(text) ?? take(token);
    if (cache === undefined) throw new Error(`no Cache-Status: ${value}`);
    const parameters: Record<string, string | number | true> = {};
    while (take(/^; */) !== undefined) {
      const key = take(/^[a-z*][a-z0-9_.*-]*/);
      if (key === undefined || key in parameters) throw new Error(`no parameters: ${value}`);
      if (take(/^=/) === undefined) parameters[key] = true;
      else {
        const number = take(/^-?\d{1,15}(?![\d.])/);
        const word = number === undefined ? (take(text) ?? take(token)) : undefined;
        if (number === undefined && word === undefined) throw new Error(`no value of ${key}: ${value}`);
        parameters[key] = number === undefined ? String(word) : Number(number);
      }
    }
    members.push({ cache, parameters });
    if (rest === '') return members;
    if (take(/^[ \t]*,[ \t]*/) === undefined) throw new Error(`no list: ${value}`);
  }
}
