import { map } from './blocks.js';

/** The headers of the connection to the app. */
export interface Connection {
  readonly maps: readonly string[];
  readonly headers: readonly string[];
}

/** A connection that is used again, or becomes a WebSocket. Other upgrades, such as `h2c`, do not reach the app. */
export function connection(own: string, isReused: boolean, hasWebSockets: boolean): Connection {
  const usual = isReused ? '""' : 'close';
  const reason = isReused
    ? ['# HTTP/1.1 and a cleared Connection: otherwise each request opens a connection']
    : [];
  if (!hasWebSockets) {
    return {
      maps: [],
      headers: [
        ...reason,
        'proxy_http_version 1.1;',
        'proxy_set_header Upgrade "";',
        `proxy_set_header Connection ${usual};`,
      ],
    };
  }
  return {
    maps: [
      '# the only upgrade that reaches the app',
      ...map('$http_upgrade', `${own}_upgrade`, ['default "";', '"~*^websocket$" websocket;']),
      ...map(`${own}_upgrade`, `${own}_connection`, [`default ${usual};`, 'websocket upgrade;']),
    ],
    headers: [
      ...reason,
      'proxy_http_version 1.1;',
      `proxy_set_header Upgrade ${own}_upgrade;`,
      `proxy_set_header Connection ${own}_connection;`,
    ],
  };
}
