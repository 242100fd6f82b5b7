import type { ServerResponse } from 'node:http';

/** Our name in `Cache-Status`. */
const cacheName = 'express-productionize';

/** Why a request went on to the handler (RFC 9211 section 2.2). */
export type Forwarded = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request';

/** Adds what this cache did to `Cache-Status`, behind what a cache nearer to the origin said (RFC 9211 section 2). */
export function addCacheStatus(res: ServerResponse, parameters: string): void {
  const before = res.getHeader('Cache-Status');
  const own = `${cacheName}; ${parameters}`;
  res.setHeader('Cache-Status', before === undefined ? own : `${String(before)}, ${own}`);
}
