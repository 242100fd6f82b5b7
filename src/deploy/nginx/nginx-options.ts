import { isEither, isInteger, isOneOf } from '../../support/options.js';
import { type ProxyTargetOptions, proxyTargetOptions } from '../proxy-target.js';
import { integerOption, listOption, switchOption, textOption } from '../target-options.js';
import type { TargetOption } from '../targets/target.js';
import { isDirectory, isFile, isHostNameList, isIpAddress, isListen } from '../values.js';
import { isVersionOf } from '../versions.js';

/** Options of the target `nginx`. */
export interface NginxOptions extends ProxyTargetOptions {
  /** The `server_name` of the site. @default ['_'] */
  readonly serverNames?: readonly string[];
  /** A port, or `host:port`. @default 443 with a certificate, otherwise 80 */
  readonly listen?: number | string;
  /** Whether a port is also opened for IPv6. @default false */
  readonly ipv6?: boolean;
  /** The file of the certificate with its chain. With `certificateKey` the site has TLS and HTTP/2. */
  readonly certificate?: string;
  /** The file of the private key. */
  readonly certificateKey?: string;
  /** Where plain HTTP is redirected to TLS, or `false`. @default 80 */
  readonly redirectFrom?: number | string | false;
  /** Where the project stands on the server: nginx serves its static directories. @default the app serves them */
  readonly directory?: string;
  /** Whether nginx caches responses. @default false */
  readonly cache?: boolean;
  /** The directory of the cache, which nginx creates. @default '/var/cache/nginx/<name>' */
  readonly cachePath?: string;
  /** What returns a client to the same instance. @default none */
  readonly affinity?: 'ip' | 'cookie';
  /** Whether the health checks can be reached from outside. @default false */
  readonly exposeHealth?: boolean;
  /** The largest body of a request in bytes. @default the limit of the body parsers of the app */
  readonly maxBodyBytes?: number;
  /** A DNS server, through which nginx 1.27.3 or later resolves the names of instances again while it runs. @default at the start only */
  readonly resolver?: string;
  /** The version of nginx, such as `1.22`. @default '1.18', whose file later versions accept, too */
  readonly nginxVersion?: string;
}

const portOrText = (text: string) => (/^\d+$/.test(text) ? Number(text) : text);

export const nginxOptions: { readonly [Name in keyof Required<NginxOptions>]: TargetOption } = {
  ...proxyTargetOptions,
  serverNames: listOption('<names>', 'the host names of the site', isHostNameList),
  listen: { value: '<port>', help: 'the port, or host:port', check: isListen, parse: portOrText },
  ipv6: switchOption('the port is also opened for IPv6'),
  certificate: textOption('<file>', 'the certificate with its chain', isFile),
  certificateKey: textOption('<file>', 'the private key', isFile),
  redirectFrom: {
    value: '<port>',
    help: 'the port of plain HTTP that is redirected to TLS, or false',
    check: isEither(isOneOf(false), isListen),
    parse: (text) => (text === 'false' ? false : portOrText(text)),
  },
  directory: textOption(
    '<path>',
    'where the project stands on the server: nginx serves static files',
    isDirectory,
  ),
  cache: switchOption('nginx caches responses'),
  cachePath: textOption('<path>', 'the directory of the cache', isDirectory),
  affinity: textOption('<ip|cookie>', 'what returns a client to the same instance', isOneOf('ip', 'cookie')),
  exposeHealth: switchOption('the health checks can be reached from outside'),
  maxBodyBytes: integerOption('<bytes>', 'the largest body of a request', isInteger('bytes', 1)),
  resolver: textOption('<address>', 'the DNS server that resolves the names of instances again', isIpAddress),
  nginxVersion: textOption('<version>', 'the version of nginx', isVersionOf('nginx')),
};
