import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import { memoizeHeader } from '../../support/bounded-map.js';

/** Values of `Sec-Fetch-Dest` that stand for a page (https://www.w3.org/TR/fetch-metadata/). */
const pages = new Set(['document', 'iframe', 'frame']);

/** Scripts send a wildcard; a browser that navigates names the type. */
const acceptsHtml = memoizeHeader(
  (accept) =>
    /\btext\/html\b/i.test(accept) &&
    (new Negotiator({ headers: { accept } }) as { mediaType(types: string[]): string | undefined }).mediaType(
      ['text/html'],
    ) !== undefined,
);

/**
 * Whether a request navigates to a page of a single-page app: the client accepts HTML, and the path has no file name
 * extension and is not reserved for the server.
 */
export function isNavigation(
  headers: IncomingHttpHeaders,
  paths: readonly string[],
  reserved: readonly string[],
): boolean {
  const { accept, 'sec-fetch-dest': dest } = headers;
  if (accept === undefined || (dest !== undefined && !pages.has(String(dest)))) return false;
  if (!acceptsHtml(accept)) return false;
  return paths.every((path) => !hasExtension(path) && !reserved.some((prefix) => isBelow(path, prefix)));
}

function hasExtension(path: string): boolean {
  return path.includes('.', path.lastIndexOf('/') + 1);
}

/** Case-insensitive, like the paths of Express. */
function isBelow(path: string, prefix: string): boolean {
  const start = path.slice(0, prefix.length).toLowerCase();
  return start === prefix.toLowerCase() && (path.length === prefix.length || path[prefix.length] === '/');
}
