import { forgeableHeaders } from '../proxy-cache.js';
import { map } from './blocks.js';

/** Directives about the headers that state who the client is. */
export interface ForwardedHeaders {
  readonly maps: readonly string[];
  /** `proxy_set_header` lines. */
  readonly headers: readonly string[];
  /** The scheme and host of the client, as part of a cache key. */
  readonly origin: string;
}

/**
 * Forwarded headers towards the app. At the edge they are overwritten; behind a balancer those of the balancer are
 * extended. `own` is the prefix of the variables.
 */
export function forwardedHeaders(own: string, trusted: boolean): ForwardedHeaders {
  if (!trusted) {
    return {
      maps: [],
      headers: [
        '# this is the edge: forwarded headers of clients are not trusted',
        'proxy_set_header X-Forwarded-For $remote_addr;',
        'proxy_set_header X-Forwarded-Host $host;',
        'proxy_set_header X-Forwarded-Proto $scheme;',
        ...forgeableHeaders.map((header) => `proxy_set_header ${header} "";`),
      ],
      origin: '$scheme://$host',
    };
  }
  return {
    maps: [
      ...map('$http_x_forwarded_proto', `${own}_forwarded_proto`, [
        'default $scheme;',
        'https https;',
        'http http;',
      ]),
      ...map('$http_x_forwarded_host', `${own}_forwarded_host`, [
        'default $host;',
        String.raw`"~^[\w.-]+(:\d+)?$" $http_x_forwarded_host;`,
      ]),
    ],
    headers: [
      'proxy_set_header Forwarded "";',
      'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
      `proxy_set_header X-Forwarded-Host ${own}_forwarded_host;`,
      `proxy_set_header X-Forwarded-Proto ${own}_forwarded_proto;`,
    ],
    origin: `${own}_forwarded_proto://$host/${own}_forwarded_host`,
  };
}
