import type { Finding } from './audit-finding.js';
import type { Exchange } from './observations.js';

/** How a route responded to its first request. */
export interface RouteFacts {
  /** Such as `GET /users`. */
  readonly route: string;
  /** `null` without a response. */
  readonly status: number | null;
  /** The bytes of the body as they were sent. */
  readonly bytes: number | null;
  /** The header Content-Encoding. */
  readonly encoding: string | null;
  /** The header Cache-Control. */
  readonly caching: string | null;
  /** The ids of faults with this route as evidence. */
  readonly faults: readonly string[];
}

export function routeFacts(exchanges: readonly Exchange[], findings: readonly Finding[]): RouteFacts[] {
  return exchanges
    .filter(({ kind }) => kind === 'route')
    .map(({ method, path, response }) => {
      const route = `${method} ${path}`;
      const header = (name: string): string | null => response?.headers[name]?.toString() ?? null;
      return {
        route,
        status: response?.status ?? null,
        bytes: response?.bytes ?? null,
        encoding: header('content-encoding'),
        caching: header('cache-control'),
        faults: findings
          .filter(({ evidence }) => evidence.some((each) => each.route === route))
          .map(({ id }) => id),
      };
    });
}
