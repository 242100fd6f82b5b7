/**
 * Replaces a method of an object, even an inherited one. The returned function restores the earlier state, unless the
 * method was replaced again since.
 */
export function replaceMethod<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  value: Target[Name],
): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  return () => {
    if (target[name] !== value) return;
    if (before) Object.defineProperty(target, name, before);
    else delete target[name];
  };
}

/** Replaces a method of an object with the result of `wrap`, which is passed the earlier method. */
export function wrapMethod<Method>(
  target: object,
  name: PropertyKey,
  wrap: (original: Method) => Method,
): () => void {
  const methods = target as Record<PropertyKey, Method>;
  return replaceMethod(methods, name, wrap(methods[name] as Method));
}
