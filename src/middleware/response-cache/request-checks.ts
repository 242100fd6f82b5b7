import type { IncomingMessage } from 'node:http';
import { streamOf } from '../../support/response-state.js';
import type { Target } from './cache-key.js';
import { wantsNothingStored } from './request-directives.js';

/** Why a request has nothing to do with what is stored. */
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

/** Headers by which a client could have a say in an answer though they are no part of the key. */
const steering = [
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

/** By what a client has a say in the answer though it is no part of the key. */
export function steeredBy(req: IncomingMessage, target: Target): string | undefined {
  if (target.hasMore) return 'unlisted-query';
  return steering.find((name) => req.headers[name] !== undefined && !target.believed.includes(name));
}

/** Why the answer to this request cannot be the answer to others. */
export function whyUnshared(req: IncomingMessage, target: Target): string | undefined {
  if (req.method === 'HEAD') return 'head';
  if (req.headers.range !== undefined) return 'range';
  if (wantsNothingStored(req)) return 'no-store';
  return steeredBy(req, target);
}
