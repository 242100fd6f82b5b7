import * as crypto from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { memoizeHeader } from '../../support/bounded-map.js';
import { listMembers } from '../../support/encoding/encoding-headers.js';
import { acceptedCodings } from './accepted-codings.js';
import type { VaryMarker } from './stored-response.js';

/** The prefix of a field that is a cookie; it cannot be part of a header name. */
const cookieMark = 'cookie;';
const mostFields = 16;

const listFields = new Set(['accept', 'accept-charset', 'accept-language']);

/** The names in a `Vary` header, in lower case; `undefined` for `*` and for more than 16 names. */
export const varyFields = memoizeHeader((header: string): readonly string[] | undefined => {
  const names = listMembers(header.toLowerCase());
  return names.includes('*') || names.length > mostFields ? undefined : names;
});

export function cookieField(name: string): string {
  return cookieMark + name;
}

/** The fields and the generation of a marker: those of the response and of the earlier marker. */
export function markerFor(fields: readonly string[], before: VaryMarker | undefined): [string[], string] {
  const all = [...new Set([...fields, ...(before?.vary ?? [])])].sort();
  const same = before !== undefined && all.length === before.vary.length;
  return [all, same ? before.generation : crypto.randomBytes(9).toString('base64url')];
}

/** The key of the variant that a request selects. It contains a digest of the values, which may be long or secret. */
export function variantKey(
  key: string,
  generation: string,
  fields: readonly string[],
  req: IncomingMessage,
): string {
  return `${key}${generation} ${digest(JSON.stringify(fields.map((field) => fieldValue(field, req))))}`;
}

function fieldValue(field: string, req: IncomingMessage): string | null {
  if (field.startsWith(cookieMark)) return cookieOf(req, field.slice(cookieMark.length));
  const value = req.headers[field];
  if (value === undefined) return null;
  const text = String(value);
  if (field === 'accept-encoding') return acceptedCodings(text);
  return listFields.has(field) ? withoutSpaces(text) : text;
}

// Whitespace is normalized, because it differs between browsers (RFC 9111 section 4.1).
const withoutSpaces = memoizeHeader((list: string) =>
  list
    .toLowerCase()
    // Each of the two expressions reads a long run of spaces only once.
    .replace(/[ \t]+/g, ' ')
    .replace(/ ?([,;]) ?/g, '$1')
    .trim(),
);

function cookieOf({ headers }: IncomingMessage, name: string): string | null {
  for (const pair of cookiePairs(headers.cookie))
    if (nameOf(pair) === name) return pair.slice(name.length + 1);
  return null;
}

/** Whether a request has a cookie that is not in `names`. */
export function hasOtherCookies({ headers }: IncomingMessage, names: ReadonlySet<string>): boolean {
  const { cookie } = headers;
  if (cookie === undefined) return false;
  return names.size === 0 || cookiePairs(cookie).some((pair) => !names.has(nameOf(pair)));
}

function cookiePairs(cookie: string | undefined): string[] {
  return (cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '');
}

function nameOf(pair: string): string {
  return pair.split('=', 1)[0] as string;
}

// The function crypto.hash is available since Node 20.12.
const digest: (text: string) => string =
  'hash' in crypto
    ? (text) => crypto.hash('sha256', text, 'base64url' as 'base64')
    : (text) =>
        (crypto as typeof import('node:crypto')).createHash('sha256').update(text).digest('base64url');
