import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application } from 'express';
import type { ErrorCode } from '../../support/errors.js';
import { outermost, routerOf, walkLayers } from '../../support/express-layers.js';

const requestStart = 'http.server.request.start';
const requestsWatched = 1000;

/** State in the memory of one process, which is incorrect when requests are distributed to several processes. */
export type Risk = 'memory-sessions' | 'memory-rate-limit' | 'socket.io-polling';

type Seen = IncomingMessage & {
  app?: Application;
  sessionStore?: object;
  sessionID?: string;
  rateLimit?: unknown;
};

/**
 * Inspects the first requests of a worker for sessions and rate limits that are stored in its memory, and for socket.io
 * polling without stickiness. It uses Node's diagnostics channel and unsubscribes afterwards, so that later requests
 * have no cost.
 */
export function watchRisks(onRisk: (risk: Risk) => void, sticky: boolean): void {
  let left = requestsWatched;
  const received = new Set<Risk>();
  const send = (risk: Risk): void => {
    if (received.has(risk)) return;
    received.add(risk);
    onRisk(risk);
  };
  const look = (message: unknown): void => {
    const { request, response } = message as { request: Seen; response: ServerResponse };
    if (--left <= 0) stop();
    if (!sticky && isPolling(request.url)) send('socket.io-polling');
    // when the response finishes, middleware has added its properties to the request
    response.once('finish', () => {
      const { sessionStore, sessionID } = request;
      if (sessionStore && sessionID && hasInMemory(sessionStore, sessionID)) send('memory-sessions');
      if (request.rateLimit !== undefined && request.app && !received.has('memory-rate-limit')) {
        void hasMemoryRateLimit(request.app).then((found) => found && send('memory-rate-limit'));
      }
    });
  };
  const stop = (): void => void unsubscribe(requestStart, look);
  subscribe(requestStart, look);
}

/**
 * Whether a property of the store contains the session: an object, as in the store of express-session, or a map or
 * cache, as in the package memorystore.
 */
function hasInMemory(store: object, id: string): boolean {
  return Object.values(store).some((held: unknown) => {
    if (typeof held !== 'object' || held === null) return false;
    if (Object.hasOwn(held, id)) return true;
    const { has } = held as Partial<Map<string, unknown>>;
    return typeof has === 'function' && has.call(held, id) === true;
  });
}

/** Whether the URL is that of socket.io polling. It contains the version of the protocol and the transport. */
function isPolling(url = ''): boolean {
  return url.includes('transport=polling') && url.includes('EIO=');
}

type RateLimiter = { getKey?: (key: string) => unknown; resetKey?: unknown };

/** Whether one of the app's rate limiters (express-rate-limit) counts in memory. */
async function hasMemoryRateLimit(app: Application): Promise<boolean> {
  const limiters = new Set<RateLimiter>();
  walkLayers(routerOf(outermost(app)), ({ handle }) => {
    const limiter = handle as RateLimiter;
    if (typeof limiter.getKey === 'function' && typeof limiter.resetKey === 'function') limiters.add(limiter);
  });
  const responses = await Promise.all([...limiters].map(respondsFromMemory));
  return responses.includes(true);
}

/** Whether the store responds within one turn of the event loop, which only a store in this process can do. */
function respondsFromMemory(limiter: RateLimiter): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setImmediate(resolve, false);
    const settle = (value: boolean) => (): void => {
      clearImmediate(late);
      resolve(value);
    };
    Promise.resolve()
      .then(() => limiter.getKey?.('express-productionize checks whether this store is in memory'))
      .then(settle(true), settle(false));
  });
}

/** The warnings that the primary logs once about a risk that a worker reported. */
export const riskWarnings: Record<
  string,
  { readonly code: ErrorCode; readonly message: (workers: number) => string }
> = {
  'memory-sessions': {
    code: 'ERR_PRODUCTIONIZE_CLUSTER_SESSIONS',
    message: (workers) =>
      `Sessions are stored in memory (MemoryStore), and ${workers} workers share nothing: users are logged out at random. Use a store they share: connect-redis, connect-pg-simple or connect-mongo.`,
  },
  'memory-rate-limit': {
    code: 'ERR_PRODUCTIONIZE_CLUSTER_RATE_LIMIT',
    message: (workers) =>
      `A rate limit is counted in memory, so ${workers} workers allow ${workers} times as much. Use a store they share: rate-limit-redis, or @express-rate-limit/cluster-memory-store.`,
  },
  'socket.io-polling': {
    code: 'ERR_PRODUCTIONIZE_CLUSTER_POLLING',
    message: (workers) =>
      `socket.io polls, and its requests go to any of ${workers} workers, of which one knows the session. Choose: clients with transports: ['websocket'] only; a proxy that hashes the client's address to one worker each; or the option \`sticky\` of runCluster.`,
  },
};
