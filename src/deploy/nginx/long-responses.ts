import { block } from './blocks.js';

/** A location for paths that the app matches in any case and with anything below them. */
export function pathsLocation(paths: readonly string[], lines: readonly string[], below = true): string[] {
  if (paths.length === 0) return [];
  const patterns = paths.map((path) => path.replace(/\/+$/, '').replaceAll('.', '[.]'));
  const end = below ? '(/|$)' : '/?$';
  return [...block(`location ~* "^(${patterns.join('|')})${end}"`, lines), ''];
}

/** What differs for WebSocket connections. */
export function webSocketLines(name: string, cached: boolean): string[] {
  return [
    `proxy_pass http://${name};`,
    ...uncached(cached),
    '# a connection without messages ends after this time: send pings more often',
    'proxy_read_timeout 1h;',
    'proxy_send_timeout 1h;',
  ];
}

/** What differs for event streams. */
export function eventStreamLines(name: string, cached: boolean): string[] {
  return [
    `proxy_pass http://${name};`,
    ...uncached(cached),
    '# each event is sent when it arrives',
    'proxy_buffering off;',
    'gzip off;',
    'proxy_read_timeout 1h;',
  ];
}

function uncached(cached: boolean): string[] {
  return cached ? ['proxy_cache off;'] : [];
}
