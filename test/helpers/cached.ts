import type { Request, RequestHandler, Response } from 'express';
import { productionize, type ResponseCacheOptions, responseCache } from '../../src/index.js';
import { type ExpressFactory, expressVersions } from './express-versions.js';
import { quiet } from './memory-log.js';
import { everyCase } from './repetitions.js';
import { type Answer, get, serve } from './serve.js';

export const minute = 'public, max-age=60';

/** The ways to mount a cache, on both versions of Express; the short run takes one way on each. */
const allCachedApps = expressVersions.flatMap(([name, express]) => [
  [
    `${name}, in productionize`,
    (options?: ResponseCacheOptions) => inProductionize(express, options),
  ] as const,
  [`${name}, as a middleware`, (options?: ResponseCacheOptions) => alone(express, options)] as const,
]);

export const cachedApps = everyCase ? allCachedApps : allCachedApps.filter((_, at) => at === 1 || at === 2);

function inProductionize(express: ExpressFactory, options: ResponseCacheOptions = {}) {
  const cache = responseCache(options);
  return { app: productionize(express(), { ...quiet(), cache }), cache };
}

function alone(express: ExpressFactory, options?: ResponseCacheOptions) {
  const app = express();
  const cache = responseCache(options);
  app.use(cache);
  return { app, cache };
}

/** A handler that counts its calls; what it sends says the number of the call, unless it sends something else. */
export function counted(answer: (req: Request, res: Response, call: number) => unknown) {
  let calls = 0;
  const handler: RequestHandler = (req, res) => {
    calls += 1;
    return answer(req, res, calls) as never;
  };
  return Object.defineProperty(handler, 'calls', { get: () => calls }) as RequestHandler & { calls: number };
}

/** A handler that says how to cache it, and which call this is. */
export const saying = (cacheControl = minute, headers: Record<string, string> = {}) =>
  counted((_req, res, call) => res.set({ 'Cache-Control': cacheControl, ...headers }).send(`call ${call}`));

/** Serves a handler at `/`, and asks it in turn. */
export async function ask(
  { app }: { app: ReturnType<ExpressFactory> },
  handler: RequestHandler,
  ...requests: (Parameters<typeof get>[1] & { to?: string })[]
): Promise<Answer[]> {
  app.use(handler);
  const { url } = await serve(app);
  const answers: Answer[] = [];
  for (const { to = '/', ...request } of requests) answers.push(await get(url + to, request));
  return answers;
}

/** A clock that tests set. */
export function clock() {
  let now = 1_700_000_000_000;
  const spy = jest.spyOn(Date, 'now').mockImplementation(() => now);
  return {
    pass(seconds: number) {
      now += seconds * 1000;
    },
    get now() {
      return now;
    },
    stop: () => spy.mockRestore(),
  };
}

/** What `Cache-Status` says of our cache. */
export function cacheStatus({ headers }: Answer): string {
  return String(headers['cache-status']).replace(/^.*express-productionize; /, '');
}
