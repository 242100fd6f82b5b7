import { indent } from '../proxy-cache.js';

/** A block of nginx with its lines indented. */
export function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...indent(lines), '}'];
}

/** A `map` block and an empty line. */
export function map(source: string, variable: string, entries: readonly string[]): string[] {
  return [...block(`map ${source} ${variable}`, entries), ''];
}
