/** Joins the mount path of a router and the path of one of its routes, as Express accepts it. */
export function routePattern(base: string, path: unknown): string {
  const tail = Array.isArray(path) ? path.join('|') : String(path);
  return tail === '/' && base !== '' ? base : base + tail;
}
