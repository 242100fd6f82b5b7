/**
 * Returns the value of a key in this process, which is created on first use. Two copies of the package share it (ESM
 * and CJS, or two versions in one dependency tree). Nothing is therefore patched, warned about or counted twice.
 */
export function processWide<T>(key: symbol, create: () => T): T {
  const registry = globalThis as unknown as Record<symbol, T | undefined>;
  registry[key] ??= create();
  return registry[key];
}
