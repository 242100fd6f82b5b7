import type { ServerResponse } from 'node:http';

/** The name of this cache in `Cache-Status`. */
const cacheName = 'express-productionize';

/** Why a request was forwarded to the handler (RFC 9211 section 2.2). */
export type Forwarded = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request';

/** Appends this cache to `Cache-Status`, after caches that are closer to the origin (RFC 9211 section 2). */
export function addCacheStatus(res: ServerResponse, parameters: string): void {
  const before = res.getHeader('Cache-Status');
  const own = `${cacheName}; ${parameters}`;
  res.setHeader('Cache-Status', before === undefined ? own : `${String(before)}, ${own}`);
}
