/**
 * Returns the one value of that key in this process, made on first use. Two copies of the package (ESM and
 * CJS, or two versions in one dependency tree) meet here, so nothing is patched, warned or counted twice.
 */
export function processWide<T>(key: symbol, create: () => T): T {
  const registry = globalThis as unknown as Record<symbol, T | undefined>;
  registry[key] ??= create();
  return registry[key];
}
