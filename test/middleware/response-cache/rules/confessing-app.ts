import type { Express, Request, Response } from 'express';

/** The headers of a route, and the properties of a request, in addition to its URL, on which its responses depend. */
interface Route {
  readonly headers: Readonly<Record<string, string>>;
  readonly on?: readonly (keyof typeof dimensions)[];
  readonly status?: number;
}

/** The properties of a request on which a response may depend. */
const dimensions = {
  user: ({ headers }: Request) => [
    headers.authorization ?? headers['x-api-key'] ?? headers['proxy-authorization'],
    headers.cookie,
  ],
  // case and whitespace are normalized (RFC 9111 section 4.1)
  language: ({ headers }: Request) =>
    headers['accept-language']
      ?.toLowerCase()
      .replace(/\s*([,;])\s*/g, '$1')
      .trim(),
  extra: ({ headers }: Request) => [headers['x-a'], headers['x-b']],
  tenant: ({ headers }: Request) => headers['accept-tenant'],
  origin: ({ headers }: Request) => headers.origin,
  override: ({ headers }: Request) => [headers['x-http-method-override'], headers['x-original-url']],
  body: ({ headers }: Request) => headers['content-length'],
};

const fresh = 'max-age=20';

const routes: Record<string, Route> = {
  // routes that state correctly who may receive their responses
  open: { headers: { 'cache-control': `public, ${fresh}` } },
  shared: { headers: { 'cache-control': 's-maxage=20' } },
  language: { headers: { 'cache-control': `public, ${fresh}`, vary: 'Accept-Language' }, on: ['language'] },
  extra: { headers: { 'cache-control': `public, ${fresh}`, vary: 'X-A, x-b' }, on: ['extra'] },
  tenant: { headers: { 'cache-control': `public, ${fresh}`, vary: 'Accept-Tenant' }, on: ['tenant'] },
  user: {
    headers: {
      'cache-control': `public, ${fresh}`,
      vary: 'Cookie, Authorization, X-Api-Key, Proxy-Authorization',
    },
    on: ['user'],
  },
  private: { headers: { 'cache-control': `private, ${fresh}` }, on: ['user', 'language', 'extra', 'origin'] },
  unstored: { headers: { 'cache-control': 'no-store' }, on: ['user', 'language', 'extra', 'override'] },
  unsaid: { headers: {}, on: ['user', 'language', 'extra', 'override'] },
  anything: { headers: { 'cache-control': fresh, vary: '*' }, on: ['user', 'language', 'extra', 'override'] },
  stale: {
    headers: { 'cache-control': 'max-age=5, stale-while-revalidate=9, stale-if-error=15' },
    on: ['user'],
  },
  ranged: {
    headers: {
      'cache-control': fresh,
      etag: '"fixed"',
      'last-modified': 'Wed, 01 Jan 2025 00:00:00 GMT',
      'accept-ranges': 'bytes',
    },
    on: ['user'],
  },
  // routes that do not: their responses must not reach other clients either
  careless: { headers: { 'cache-control': fresh }, on: ['user', 'body'] },
  cookie: {
    headers: { 'cache-control': `public, ${fresh}`, 'set-cookie': 'sid=1' },
    on: ['user', 'language'],
  },
  cors: {
    headers: { 'cache-control': `public, ${fresh}`, 'access-control-allow-origin': 'https://a.test' },
    on: ['origin'],
  },
  overridden: { headers: { 'cache-control': `public, ${fresh}` }, on: ['override'] },
  failing: { headers: { 'cache-control': `public, ${fresh}` }, on: ['user', 'language'], status: 500 },
  forbidden: { headers: { 'cache-control': `public, ${fresh}` }, on: ['user', 'language'], status: 403 },
  gone: { headers: { 'cache-control': fresh }, on: ['user'], status: 404 },
};

export const routeNames = Object.keys(routes);

/** Adds routes whose responses contain the requests they are valid for: in a header, for 304 and HEAD, and in the body. */
export function confess(app: Express): void {
  for (const [name, { headers, on = [], status = 200 }] of Object.entries(routes)) {
    app.all(`/${name}/:id`, (req: Request, res: Response) => {
      const depends: Record<string, unknown> = {
        host: hostOf(req),
        protocol: req.protocol,
        method: req.method === 'HEAD' ? 'GET' : req.method,
        path: req.path,
        query: sorted(req.query),
      };
      for (const dimension of on) depends[dimension] = dimensions[dimension](req) ?? null;
      const text = JSON.stringify(depends);
      for (const [header, value] of Object.entries(headers)) res.setHeader(header, value);
      res.setHeader('X-For', Buffer.from(text).toString('base64url'));
      res.status(status).type('json').send(text);
    });
  }
}

/** The host in lower case, without the default port. */
function hostOf({ headers }: Request): string {
  return String(headers.host).toLowerCase().replace(/:80$/, '');
}

/** The parameters in one order, because the order of different names has no meaning. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, inner]) => [name, sorted(inner)]);
}
