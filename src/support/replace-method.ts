/** Puts a method on an object, in the place of an inherited one too. The undo restores what was there, unless it was replaced since. */
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

/** The same; `wrap` is passed the method that was there before. */
export function wrapMethod<Method>(
  target: object,
  name: PropertyKey,
  wrap: (original: Method) => Method,
): () => void {
  const methods = target as Record<PropertyKey, Method>;
  return replaceMethod(methods, name, wrap(methods[name] as Method));
}
