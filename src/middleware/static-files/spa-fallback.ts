import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import { memoizeHeader } from '../../support/bounded-map.js';

/** Values of `Sec-Fetch-Dest` that stand for a page (https://www.w3.org/TR/fetch-metadata/). */
const pages = new Set(['document', 'iframe', 'frame']);

/** Whether `Accept` contains the type of HTML. A browser that navigates sends it, and scripts send a wildcard. */
const acceptsHtml = memoizeHeader(
  (accept) =>
    /\btext\/html\b/i.test(accept) &&
    (new Negotiator({ headers: { accept } }) as { mediaType(types: string[]): string | undefined }).mediaType(
      ['text/html'],
    ) !== undefined,
);

/**
 * Whether a request navigates to a page of a single-page app. The client accepts HTML, and the path has no file name
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

/** Whether a path is equal to or below `prefix`. The comparison is case-insensitive, like that of routes in Express. */
function isBelow(path: string, prefix: string): boolean {
  const start = path.slice(0, prefix.length).toLowerCase();
  return start === prefix.toLowerCase() && (path.length === prefix.length || path[prefix.length] === '/');
}
