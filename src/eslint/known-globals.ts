/** Variables that Node defines in each module, as in the Node that runs ESLint. */
export function knownGlobals(): Record<string, 'readonly'> {
  const names = Object.getOwnPropertyNames(globalThis).filter((name) => /^[A-Za-z]\w*$/.test(name));
  return Object.fromEntries(names.map((name) => [name, 'readonly']));
}
