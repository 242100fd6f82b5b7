import type { ServerResponse } from 'node:http';

const body = '{"type":"about:blank","title":"Service Unavailable","status":503}';

/** Answers 503 at the least cost: one head and one body, ready-made, in one write. */
export function answerUnavailable(res: ServerResponse, retryAfterSeconds: number): void {
  // spread over two more intervals, so that those refused together do not return together
  const retryAfter = retryAfterSeconds + Math.floor(Math.random() * (2 * retryAfterSeconds + 1));
  res.writeHead(503, {
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'Retry-After': retryAfter,
  });
  res.end(body);
}
