import { type Received, responseLimits, type SentRequest, send, type Target } from './bounded-request.js';
import type { Exchange, ResponseObservation } from './observations.js';
import type { RequestedRoute } from './probe/doctor-protocol.js';
import { filledPath, isChanging, malformedPath } from './request-paths.js';

/** Paths that usual health checks have. */
const healthPaths = ['/readyz', '/healthz', '/health', '/livez', '/ping', '/status'];
/** The path of the last GET request, which no app has. */
export const missingPath = '/express-productionize-doctor-missing';
/** Bytes of a body that is worth a request about its age. */
const worthCaching = 1024;
const changes = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Requests that are sent at most, and milliseconds for all of them. */
const mostRequests = 60;
const allMs = 60_000;

export interface RequestPlan {
  /** Paths to request in addition to those of the routes. */
  readonly paths: readonly string[];
  readonly routes: readonly RequestedRoute[];
  /** Paths of static files. */
  readonly staticPaths: readonly string[];
  /** Values of parameters of routes. */
  readonly params: Readonly<Record<string, string>>;
  /** Whether `/` and usual paths of health checks are requested. */
  readonly usualPaths: boolean;
  /** Whether routes are requested that may change something. */
  readonly unsafe: boolean;
}

export interface Exchanges {
  readonly exchanges: readonly Exchange[];
  /** What was not requested, or not read to its end, with the reason. */
  readonly notes: readonly string[];
}

/**
 * Sends requests one after the other. Unless the plan is unsafe, they are GET requests, none of which may change anything
 * (RFC 9110 section 9.2.1). Rejects as `isAlive` does, which is called after each failure.
 */
export async function exchange(
  target: Target,
  plan: RequestPlan,
  isAlive: (received: Received) => Promise<unknown>,
): Promise<Exchanges> {
  const exchanges: Exchange[] = [];
  const sent = new Set<string>();
  const links: string[] = [];
  const notes = new Set<string>();
  const skip = (name: string, why: string): void => void notes.add(`Not requested: ${name}: ${why}.`);
  const end = performance.now() + allMs;

  const request = async (kind: Exchange['kind'], { method, path }: SentRequest): Promise<void> => {
    const name = `${method} ${path}`;
    if (kind === 'route' && sent.has(name)) return;
    sent.add(name);
    if (exchanges.length >= mostRequests || performance.now() > end) {
      skip(name, `${mostRequests} requests and ${allMs / 1000} s are the limits`);
      return;
    }
    const received = await send(target, { method, path });
    const { response, failure, digest } = received;
    if (response?.awaited) notes.add(`Read in part: ${name}: ${responseLimits} are the limits.`);
    links.push(...received.links);
    const isAgain = kind === 'route' && method === 'GET' && response !== null && cannotBeStored(response);
    const repeated = isAgain && digest !== null && (await send(target, { method, path })).digest === digest;
    exchanges.push({ method, path, kind, response, failure, ...(repeated && { repeated }) });
    if (failure !== null) await isAlive(received);
  };
  const requestRoute = async ({ method, path }: RequestedRoute): Promise<void> => {
    const filled = filledPath(path, plan.params, links);
    if (filled === undefined) {
      const [, name] = /:(\w+)/.exec(path) ?? [];
      skip(`${method} ${path}`, `no value is known, try --param ${name}=<value>`);
    } else if (!plan.unsafe && isChanging(path)) {
      skip(`${method} ${path}`, 'it seems to change something, and --unsafe is not set');
    } else {
      await request('route', { method, path: filled });
    }
  };
  const get = (path: string): SentRequest => ({ method: 'GET', path });

  for (const path of plan.paths) await request('route', get(path));
  const reading = plan.routes.filter(({ method }) => method === 'GET');
  const [plain, withParameters] = [false, true].map((has) =>
    reading.filter(({ path }) => path.includes(':') === has),
  ) as [RequestedRoute[], RequestedRoute[]];
  for (const route of plain) await requestRoute(route);
  if (plan.usualPaths) await request('route', get('/'));
  // what routes without parameters have linked to
  for (const route of withParameters) await requestRoute(route);
  for (const path of plan.staticPaths) await request('static', get(path));
  const malformed = malformedPath(plan.routes);
  if (malformed !== null) await request('malformed', get(malformed));
  for (const path of plan.usualPaths ? healthPaths : []) await request('health', get(path));
  await request('missing', get(missingPath));
  if (plan.unsafe) {
    for (const change of changes) {
      for (const route of plan.routes.filter(({ method }) => method === change)) await requestRoute(route);
    }
  }
  return { exchanges, notes: [...notes] };
}

/** Whether a client has no header by which it can store or revalidate the response. */
function cannotBeStored({ status, headers, bytes }: ResponseObservation): boolean {
  const ofCaches = ['cache-control', 'etag', 'last-modified', 'expires', 'set-cookie'];
  return status === 200 && bytes >= worthCaching && ofCaches.every((name) => headers[name] === undefined);
}
