/** The result of {@link safeJsonParse}. */
export type SafeJson<T = unknown> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Error };

/**
 * Parses JSON without throwing, even if the reviver throws. The error quotes nothing of the text, which may contain a
 * password. Keys that could reach a prototype are dropped, as in {@link stripPrototypeKeys}.
 *
 * @example
 * const { ok, value, error } = safeJsonParse(cookie)
 */
export function safeJsonParse<T = unknown>(
  text: unknown,
  reviver?: (this: unknown, key: string, value: unknown) => unknown,
): SafeJson<T> {
  if (typeof text !== 'string') return { ok: false, error: new TypeError('Expected JSON text in a string') };
  try {
    const value: unknown = JSON.parse(text, reviver);
    stripPrototypeKeys(value);
    return { ok: true, value: value as T };
  } catch {
    return { ok: false, error: new SyntaxError('The text is not valid JSON, or its reviver failed') };
  }
}

/**
 * The greatest number of objects and arrays that are visited without a list of those seen: some 2 MB of the smallest
 * JSON.
 */
const maxUnlisted = 1_000_000;

/**
 * Deletes own `__proto__` keys, and `constructor` keys that hold a `prototype`, at any depth. As plain data they are
 * harmless, but the first deep merge would make them properties of every object. Only plain objects and arrays are
 * visited. Returns the number of deleted keys.
 */
export function stripPrototypeKeys(value: unknown): number {
  // a list of visited objects costs three times as much as parsing, and only values with shared objects need
  // it
  const { stripped, finished } = stripWithin(value, maxUnlisted);
  return finished ? stripped : stripped + stripWithin(value, Number.POSITIVE_INFINITY, new Set()).stripped;
}

function stripWithin(
  value: unknown,
  limit: number,
  seen?: Set<object>,
): { readonly stripped: number; readonly finished: boolean } {
  const open: object[] = [];
  let left = limit;
  let stripped = 0;
  const visit = (child: unknown): void => {
    if (typeof child !== 'object' || child === null || !isPlain(child) || seen?.has(child)) return;
    left -= 1;
    seen?.add(child);
    open.push(child);
  };
  visit(value);
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (left < 0) return { stripped, finished: false };
    if (Array.isArray(node)) {
      for (const child of node) visit(child);
      continue;
    }
    for (const key of Object.keys(node)) {
      const child: unknown = (node as Record<string, unknown>)[key];
      if (key === '__proto__' || (key === 'constructor' && isObjectWithPrototype(child))) {
        delete (node as Record<string, unknown>)[key];
        stripped += 1;
      } else visit(child);
    }
  }
  return { stripped, finished: true };
}

/** Whether a value is an array or an object without a class, from any realm. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function isObjectWithPrototype(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
}
