import type { ServerResponse } from 'node:http';

const noted = Symbol('trailers');

type Noted = ServerResponse & { [noted]?: true; setTrailer(name: string, value: unknown): void };

/** Over HTTP/2 a response does not tell whether it has trailers: from here on they are noted. */
export function noteTrailers(res: ServerResponse): void {
  if (res.req.httpVersionMajor < 2) return;
  const { addTrailers, setTrailer } = res as Noted;
  Object.assign(res, {
    addTrailers(this: Noted, headers: Parameters<typeof addTrailers>[0]) {
      this[noted] = true;
      addTrailers.call(this, headers);
    },
    setTrailer(this: Noted, name: string, value: unknown) {
      this[noted] = true;
      setTrailer.call(this, name, value);
    },
  });
}

/** Whether trailers come after the body of a response that is complete. */
export function hasTrailers(res: ServerResponse): boolean {
  return Boolean((res as { _trailer?: string })._trailer) || (res as Noted)[noted] === true;
}
