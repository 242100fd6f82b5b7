import http, { type IncomingHttpHeaders } from 'node:http';
import { affinityCookie } from '../../deploy/nginx/upstream.js';
import { siteName } from '../../deploy/proxy-target.js';
import { begin } from '../drill/drill-exchange.js';
import {
  fresh,
  ownAddress,
  type ProofContext,
  type ProofResponse,
  seenAddress,
  seenInstance,
  send,
} from './proof-context.js';
import { type Check, notApplicable, notProven, proven } from './proof-row.js';

export const responseArrives = 'the response of the app arrives';

/** The checks of single requests through the proxy. `direct` is the response of the app without it. */
export function behaviours(context: ProofContext, direct: ProofResponse): Check[] {
  return [
    { behaviour: responseArrives, run: () => response(context, direct) },
    { behaviour: 'the second request is a HIT', run: () => hit(context, direct) },
    { behaviour: 'a client cannot choose its address', run: () => address(context, isNotSpoofed) },
    { behaviour: 'the app sees the address of the client', run: () => address(context, isOwn) },
    { behaviour: 'connections to the app are reused', run: () => reuse(context) },
    { behaviour: 'a client returns to its instance', run: () => affinity(context) },
    { behaviour: 'a body over the limit is a 413 of the proxy', run: () => bodyLimit(context) },
  ];
}

async function response(context: ProofContext, direct: ProofResponse) {
  const { status } = await send(context, fresh(context.paths.path).path);
  const what = `GET ${context.paths.path}: ${status}`;
  if (direct.status >= 500) return notProven(`${what}, and the app itself responds with ${direct.status}`);
  return status === direct.status ? proven(what) : notProven(`${what}, without the proxy ${direct.status}`);
}

const isHit = ({ headers }: { headers: IncomingHttpHeaders }) =>
  /(^|,)\s*(nginx|Varnish);[^,]*\bhit\b/.test(String(headers['cache-status']));

async function hit(context: ProofContext, direct: ProofResponse) {
  const { proxy, options, paths } = context;
  if (!proxy.caches(options)) return notApplicable('the file has no cache');
  const { path } = fresh(paths.path);
  const [, second] = [await send(context, path), await send(context, path)];
  if (isHit(second)) return proven(`GET ${paths.path}: ${second.headers['cache-status']}`);
  const control = String(direct.headers['cache-control'] ?? 'none');
  const isStorable =
    direct.status === 200 &&
    /(s-maxage|max-age)=[1-9]/.test(control) &&
    !/no-store|no-cache|private/.test(control) &&
    direct.headers['set-cookie'] === undefined;
  return isStorable
    ? notProven(`GET ${paths.path}: ${second.headers['cache-status']}`)
    : notApplicable(`GET ${paths.path} may not be stored: status ${direct.status}, Cache-Control ${control}`);
}

const spoofed = '203.0.113.66';

type AddressResult = (seen: string) => ReturnType<typeof proven | typeof notProven>;

const isNotSpoofed: AddressResult = (seen) =>
  seen === spoofed
    ? notProven(`the app sees ${seen}, which the client states: app.set('trust proxy', 1)`)
    : proven(`the client states ${spoofed}, the app sees ${seen}`);

const isOwn: AddressResult = (seen) =>
  seen === ownAddress
    ? proven(seen)
    : notProven(`${seen} instead of ${ownAddress}: app.set('trust proxy', 1)`);

async function address(context: ProofContext, result: AddressResult) {
  const { paths, options } = context;
  if (options.trustForwarded === true) return notApplicable('the balancer in front states the address');
  const { id, path } = fresh(paths.path);
  const headers = { 'x-forwarded-for': spoofed, forwarded: `for=${spoofed}`, 'x-real-ip': spoofed };
  await send(context, path, { id, headers });
  const seen = (await seenAddress(context, id))?.replace(/^::ffff:/, '');
  return seen === undefined ? notApplicable('the app has no req.ip for this request') : result(seen);
}

async function reuse(context: ProofContext) {
  const { seen, paths, facts } = context;
  const before = seen.totals;
  // a proxy may use a connection again for further requests of the same client only
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let n = 0; n < 20; n++) await send(context, fresh(paths.path).path, { agent });
  agent.destroy();
  const arrived = seen.totals.arrived - before.arrived;
  const connections = seen.totals.connections - before.connections;
  const what = `${arrived} requests on ${connections} new connections`;
  if (arrived === 0) return notApplicable('no request reached the app');
  return connections < arrived / 2
    ? proven(what)
    : notProven(
        `${what}; the app closes idle connections after ${facts.keepAliveTimeoutMs} ms: server.keepAliveTimeout = 65_000`,
      );
}

async function affinity(context: ProofContext) {
  const { options, facts, paths } = context;
  if (options.affinity === undefined) return notApplicable('the file has no affinity');
  let clients = 0;
  const used = new Set<number>();
  for (let client = 0; client < 8; client++) {
    const localAddress = process.platform === 'linux' ? `127.0.1.${client + 1}` : '127.0.0.1';
    const headers: { cookie?: string } = {};
    const own = new Set<number>();
    for (let n = 0; n < 4; n++) {
      const { id, path } = fresh(paths.path);
      const { headers: received } = await send(context, path, { id, headers, localAddress });
      const cookie = received['set-cookie']?.find((each) => each.startsWith(affinityCookie(siteName(facts))));
      if (cookie !== undefined) headers.cookie = cookie.split(';')[0];
      const instance = await seenInstance(context, id);
      if (instance !== undefined) own.add(instance);
    }
    if (own.size === 1) clients++;
    for (const instance of own) used.add(instance);
  }
  const what = `${clients} of 8 clients, on ${used.size} of 2 instances`;
  return clients === 8 ? proven(what) : notProven(what);
}

async function bodyLimit(context: ProofContext) {
  const { proxy, options, facts, paths, seen, targets, end } = context;
  const limit = proxy.bodyLimit(options, facts);
  if (limit === null) return notApplicable('the app has no body parser, so the file has no limit');
  const { id, path } = fresh(paths.path);
  // a GET changes nothing in the app, should it pass
  const { req, head } = begin(
    { target: targets.proxy, clients: 1, stop: end, end },
    { path, headers: { 'content-length': limit + 1, 'x-request-of-proof': id } },
  );
  req.write('x');
  const { statusCode } = await head;
  req.destroy();
  const what = `${statusCode} for ${limit + 1} bytes`;
  return statusCode === 413 && !seen.of(id) ? proven(what) : notProven(what);
}
