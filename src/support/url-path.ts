/** The usual paths of health probes, which are not logged on success and not refused under overload. */
export const probePaths: readonly string[] = ['/livez', '/readyz', '/startupz', '/healthz', '/health'];

/** Returns a URL without its query, with any origin left in place. */
export function withoutQuery(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

/**
 * Returns the path of a request target: without its query and fragment, and without the origin of an absolute target.
 */
export function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '') || '/';
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

/** Encodes the characters of a path that a URL may not contain. Escapes that are in the path already are preserved. */
export function encodedPath(path: string): string {
  return path
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/%(?![\da-f]{2})|[^\x21\x23-\x3b=?-_a-z|~]+/gi, (found) => encodeURI(found));
}
