import { hasFeature } from '../versions.js';
import { block } from './blocks.js';
import type { NginxOptions } from './nginx-options.js';
import { tlsLines } from './tls.js';

/** Where the site is reached. */
export interface Listening {
  /** The server that redirects plain HTTP; empty without TLS. */
  readonly redirect: readonly string[];
  /** The lines of the server itself. */
  readonly lines: readonly string[];
}

export function listening(name: string, options: NginxOptions): Listening {
  const { serverNames = ['_'], certificate, certificateKey, nginxVersion = '1.18', ipv6 = false } = options;
  const names = `server_name ${serverNames.join(' ')};`;
  const on = (address: number | string, parameters = '') => [
    `listen ${address}${parameters};`,
    ...(ipv6 && typeof address === 'number' ? [`listen [::]:${address}${parameters};`] : []),
  ];
  const open = hasFeature('nginx', nginxVersion, 'keepaliveMinTimeout')
    ? [
        '# a reload closes no connection on which a client may just send a request',
        'keepalive_min_timeout 5s;',
      ]
    : [];
  if (certificate === undefined || certificateKey === undefined) {
    return { redirect: [], lines: [...on(options.listen ?? 80), names, ...open] };
  }
  const { listen = 443, redirectFrom = 80 } = options;
  const port = String(listen).replace(/^.*:/, '');
  const target = `https://$host${port === '443' ? '' : `:${port}`}$request_uri`;
  const isDirective = hasFeature('nginx', nginxVersion, 'http2Directive');
  return {
    redirect:
      redirectFrom === false
        ? []
        : [
            ...block('server', [
              ...on(redirectFrom),
              names,
              '# 308: a POST stays a POST',
              `location / { return 308 ${target}; }`,
            ]),
            '',
          ],
    lines: [
      ...on(listen, isDirective ? ' ssl' : ' ssl http2'),
      ...(isDirective ? ['http2 on;'] : []),
      names,
      ...open,
      '',
      ...tlsLines(name, certificate, certificateKey),
    ],
  };
}
