import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import { memoizeHeader } from '../../support/bounded-map.js';

/** What a browser says it wants a page for (https://www.w3.org/TR/fetch-metadata/). */
const pages = new Set(['document', 'iframe', 'frame']);

/** A range that covers everything is what scripts send; a browser names the type. */
const namesHtml = memoizeHeader(
  (accept) =>
    /\btext\/html\b/i.test(accept) &&
    (new Negotiator({ headers: { accept } }) as { mediaType(types: string[]): string | undefined }).mediaType(
      ['text/html'],
    ) !== undefined,
);

/**
 * Whether a request that nothing was found for is one for a page of a single-page app: a navigation, to a path without
 * a file name extension, that is not among the paths of the server's own.
 */
export function wantsPage(
  headers: IncomingHttpHeaders,
  paths: readonly string[],
  reserved: readonly string[],
): boolean {
  const { accept, 'sec-fetch-dest': dest } = headers;
  if (accept === undefined || (dest !== undefined && !pages.has(String(dest)))) return false;
  if (!namesHtml(accept)) return false;
  return paths.every((path) => !hasExtension(path) && !reserved.some((prefix) => isBelow(path, prefix)));
}

function hasExtension(path: string): boolean {
  return path.includes('.', path.lastIndexOf('/') + 1);
}

/** As Express compares paths: without regard to case. */
function isBelow(path: string, prefix: string): boolean {
  const start = path.slice(0, prefix.length).toLowerCase();
  return start === prefix.toLowerCase() && (path.length === prefix.length || path[prefix.length] === '/');
}
