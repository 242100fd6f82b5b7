/** Returns a base path with its parameter values replaced by their names: `/users/7` becomes `/users/:id`. */
export function withNames(base: string, params: Record<string, string> | undefined): string {
  if (params === undefined) return base;
  const names = new Map(Object.entries(params).map(([name, value]) => [value, name]));
  return base
    .split('/')
    .map((part) => {
      const name = names.get(decoded(part));
      return name === undefined ? part : `:${name}`;
    })
    .join('/');
}

/** Returns a decoded part of a path, since routers match decoded values and clients differ in what they encode. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
