import { isInteger, isOneOf } from '../../support/options.js';
import { type ProxyTargetOptions, proxyTargetOptions } from '../proxy-target.js';
import { integerOption, switchOption, textOption } from '../target-options.js';
import type { TargetOption } from '../targets/target.js';
import { isFile, isListen } from '../values.js';

/** Options of the target `haproxy`. */
export interface HaproxyOptions extends ProxyTargetOptions {
  /** A port, or `host:port`. @default 443 with a certificate, otherwise 80 */
  readonly listen?: number | string;
  /** One file with the certificate, its chain and the private key. With it the site has TLS and HTTP/2. */
  readonly certificate?: string;
  /** What returns a client to the same instance. @default none */
  readonly affinity?: 'ip' | 'cookie';
  /** Whether the health checks can be reached from outside. @default false */
  readonly exposeHealth?: boolean;
  /** The largest body of a request in bytes, where the client states its length. @default the limit of the body parsers of the app */
  readonly maxBodyBytes?: number;
  /** The socket for `show stat` and `set server`. @default '/run/haproxy/admin.sock' */
  readonly statsSocket?: string;
  /** Milliseconds between two checks of an instance. @default 1000 */
  readonly checkMs?: number;
  /** Servers without an address, which get one through the socket. @default 0; 8 with --watch */
  readonly spareServers?: number;
}

export const haproxyOptions: { readonly [Name in keyof Required<HaproxyOptions>]: TargetOption } = {
  ...proxyTargetOptions,
  listen: {
    value: '<port>',
    help: 'the port, or host:port',
    check: isListen,
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
  },
  certificate: textOption('<file>', 'the certificate with its chain; for haproxy also the key', isFile),
  affinity: textOption('<ip|cookie>', 'what returns a client to the same instance', isOneOf('ip', 'cookie')),
  exposeHealth: switchOption('the health checks can be reached from outside'),
  maxBodyBytes: integerOption('<bytes>', 'the largest body of a request', isInteger('bytes', 1)),
  statsSocket: textOption('<file>', 'the socket for show stat and set server', isFile),
  checkMs: integerOption(
    '<ms>',
    'milliseconds between two checks of an instance; default: 1000',
    isInteger('milliseconds', 100, 60_000),
  ),
  spareServers: integerOption(
    '<n>',
    'servers without an address; default: 0, or 8 with --watch',
    isInteger('servers', 0, 100),
  ),
};
