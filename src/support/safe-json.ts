/** What {@link safeJsonParse} returns. */
export type SafeJson<T = unknown> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Error };

/**
 * Parses JSON without throwing, whatever the text or the reviver does. The error quotes nothing of the text, which
 * may be somebody's password. Keys that could reach a prototype are dropped, as in {@link stripPrototypeKeys}.
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
 * Deletes, at any depth, own `__proto__` keys and `constructor` keys that hold a `prototype`: as plain data they are
 * harmless, but the first deep merge turns them into properties of every object. Returns how many it deleted.
 */
export function stripPrototypeKeys(value: unknown): number {
  let stripped = 0;
  const open: unknown[] = [value];
  const seen = new Set<object>();
  while (open.length > 0) {
    const node = open.pop();
    if (typeof node !== 'object' || node === null || seen.has(node) || ArrayBuffer.isView(node)) continue;
    seen.add(node);
    for (const key of Object.keys(node)) {
      const child: unknown = (node as Record<string, unknown>)[key];
      if (key === '__proto__' || (key === 'constructor' && isObjectWithPrototype(child))) {
        delete (node as Record<string, unknown>)[key];
        stripped += 1;
      } else open.push(child);
    }
  }
  return stripped;
}

function isObjectWithPrototype(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
}
