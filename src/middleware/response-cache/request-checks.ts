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
  // HTTP/2 needs no header for a body
  if (streamOf({ req })?.endAfterHeaders === false) return 'request-body';
  if ((req as { upgrade?: boolean }).upgrade === true || headers.upgrade?.toLowerCase() === 'websocket') {
    return 'upgrade';
  }
  if (headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined)
    return 'precondition';
  return undefined;
}

/** Headers that may change a response though they are no part of the key: cache poisoning begins with them. */
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

/** By what a client has a say in the response though it is no part of the key. */
export function unkeyedInput(req: IncomingMessage, target: Target): string | undefined {
  if (target.hasMore) return 'unlisted-query';
  return unkeyedHeaders.find((name) => req.headers[name] !== undefined && !target.believed.includes(name));
}

/** Why the response to this request cannot be the response to others. */
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

/** Whether a request says who asks: by a header, a client certificate, or a cookie that is no part of the key. */
export function hasCredentials(req: IncomingMessage, keyedCookies: ReadonlySet<string>): boolean {
  for (const name of credentialHeaders) if (req.headers[name] !== undefined) return true;
  if ((req.socket as { authorized?: boolean } | undefined)?.authorized === true) return true;
  return hasOtherCookies(req, keyedCookies);
}
