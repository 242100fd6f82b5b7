/**
 * Returns the one value of that name in this process, made on first use. Two copies of the package (ESM and
 * CJS, or two versions in one dependency tree) meet here, so nothing is patched, warned or counted twice.
 */
export function processWide<T>(name: string, create: () => T): T {
  const registry = globalThis as unknown as Record<symbol, T | undefined>;
  const key = Symbol.for(`express-productionize/${name}`);
  registry[key] ??= create();
  return registry[key];
}
