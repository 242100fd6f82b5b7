import type { IncomingMessage } from 'node:http';
import { streamOf } from '../../support/response-state.js';
import type { Target } from './cache-key.js';
import { isNoStore } from './request-directives.js';
import { hasOtherCookies } from './vary.js';

/** Why a request is neither looked up nor stored. */
export function whyBypassed(req: IncomingMessage): string | undefined {
  const { headers } = req;
  if (headers['transfer-encoding'] !== undefined) return 'request-body';
  const length = headers['content-length'];
  if (length !== undefined && length !== '0') return 'request-body';
  // An HTTP/2 request can have a body without a header for it.
  if (streamOf({ req })?.endAfterHeaders === false) return 'request-body';
  if ((req as { upgrade?: boolean }).upgrade === true || headers.upgrade?.toLowerCase() === 'websocket') {
    return 'upgrade';
  }
  if (headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined)
    return 'precondition';
  return undefined;
}

/** Headers that can influence a response and are not part of the key. Attackers use them for cache poisoning. */
const unkeyedHeaders = [
  'forwarded',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-prefix',
  'x-host',
  'x-original-host',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
];

/** The name of an input that can influence the response and is not part of the key. */
export function unkeyedInput(req: IncomingMessage, target: Target): string | undefined {
  if (target.hasMore) return 'unlisted-query';
  return unkeyedHeaders.find(
    (name) => req.headers[name] !== undefined && !target.trustedHeaders.includes(name),
  );
}

/** Why the response to this request cannot be shared with other requests. */
export function whyUnshared(req: IncomingMessage, target: Target): string | undefined {
  if (req.method === 'HEAD') return 'head';
  if (req.headers.range !== undefined) return 'range';
  if (isNoStore(req)) return 'no-store';
  return unkeyedInput(req, target);
}

const credentialHeaders = [
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'x-auth-token',
  'x-access-token',
];

/** Whether a request has credentials: a header, a client certificate, or a cookie that is not part of the key. */
export function hasCredentials(req: IncomingMessage, keyedCookies: ReadonlySet<string>): boolean {
  for (const name of credentialHeaders) if (req.headers[name] !== undefined) return true;
  if ((req.socket as { authorized?: boolean } | undefined)?.authorized === true) return true;
  return hasOtherCookies(req, keyedCookies);
}
