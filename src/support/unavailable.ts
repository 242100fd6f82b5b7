import type { ServerResponse } from 'node:http';

const body = '{"type":"about:blank","title":"Service Unavailable","status":503}';

/** Responds with 503 at the lowest cost: a prepared head and body in one write. */
export function respondUnavailable(res: ServerResponse, retryAfterSeconds: number): void {
  // random, so that clients refused at the same time do not retry at the same time
  const retryAfter = retryAfterSeconds + Math.floor(Math.random() * (2 * retryAfterSeconds + 1));
  res.writeHead(503, {
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'Retry-After': retryAfter,
  });
  res.end(body);
}
