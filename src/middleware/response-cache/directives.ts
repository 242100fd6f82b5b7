import { memoizeHeader } from '../../support/bounded-map.js';

/** The directives of a `Cache-Control` header: lower-case names, with their values where they have any. */
export type Directives = ReadonlyMap<string, string>;

// token [ "=" ( token / quoted-string ) ]. Commas inside quotes do not end it (RFC 9111 section 5.2).
const directive = /([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?/g;

/** Greater numbers of seconds are treated as this one (RFC 9111 section 1.2.2). */
const longest = 2 ** 31;

/** Parses `Cache-Control`. When a directive is present twice, the shorter time is used (RFC 9111 section 4.2.1). */
export const parseDirectives = memoizeHeader((header: string): Directives => {
  const found = new Map<string, string>();
  for (const [, rawName = '', quoted, token] of header.matchAll(directive)) {
    const name = rawName.toLowerCase();
    const value = quoted?.replace(/\\(.)/g, '$1') ?? token ?? '';
    const before = found.get(name);
    if (before === undefined || toSeconds(value) < toSeconds(before)) found.set(name, value);
  }
  return found;
});

/** The seconds of a directive: 0 for an invalid number (RFC 9111 section 4.2.1), `undefined` if it is absent. */
export function secondsOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  return value === undefined ? undefined : toSeconds(value);
}

function toSeconds(value: string): number {
  return /^\d+$/.test(value) ? Math.min(Number(value), longest) : 0;
}
