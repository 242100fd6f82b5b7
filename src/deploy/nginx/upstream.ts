import { hasFeature } from '../versions.js';
import { block, map } from './blocks.js';

export interface UpstreamOptions {
  readonly name: string;
  /** The prefix of the variables. */
  readonly own: string;
  readonly upstreams: readonly string[];
  /** Seconds for which an idle connection stays open; 0 for none. */
  readonly keepaliveSeconds: number;
  readonly affinity?: 'ip' | 'cookie';
  readonly trustForwarded: boolean;
  readonly secure: boolean;
  readonly nginxVersion: string;
  /** The address of a DNS server. */
  readonly resolver?: string;
}

/** The instances of the app, and what selects one of them. */
export interface Upstream {
  readonly lines: readonly string[];
  readonly headers: readonly string[];
}

/** The name of the cookie by which a client returns to its instance. */
export const affinityCookie = (name: string): string => `${name}_instance`;

export function upstream(options: UpstreamOptions): Upstream {
  const { name, own, upstreams, keepaliveSeconds, affinity, trustForwarded, secure, nginxVersion, resolver } =
    options;
  const cookie = affinityCookie(name);
  const key = { ip: trustForwarded ? '$http_x_forwarded_for' : '$remote_addr', cookie: `${own}_instance` };
  const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return {
    lines: [
      ...(affinity === 'cookie'
        ? [
            '# the id in the cookie, not the session, selects the instance: it is the same before and after the login',
            ...map(`$cookie_${cookie}`, `${own}_instance`, [`default $cookie_${cookie};`, '"" $request_id;']),
            ...map(`$cookie_${cookie}`, `${own}_instance_cookie`, [
              'default "";',
              `"" "${cookie}=$request_id; ${attributes}";`,
            ]),
          ]
        : []),
      ...block(`upstream ${name}`, [
        ...(affinity === undefined
          ? []
          : [
              '# consistent: without one instance, only its clients change to another one',
              `hash ${key[affinity]} consistent;`,
            ]),
        '# after a failure the instance stays in use: with the default of 1 a restart of one instance takes all out',
        ...upstreams.map(
          (address) => `server ${address} max_fails=0${resolver === undefined ? '' : ' resolve'};`,
        ),
        ...(resolver === undefined
          ? []
          : [
              '# the addresses behind a name change when containers are replaced',
              `zone ${name} 64k;`,
              `resolver ${resolver} valid=2s ipv6=off;`,
            ]),
        ...reuse(keepaliveSeconds, nginxVersion),
      ]),
      '',
    ],
    headers: affinity === 'cookie' ? [`add_header Set-Cookie ${own}_instance_cookie;`] : [],
  };
}

function reuse(seconds: number, nginxVersion: string): string[] {
  if (seconds > 0) {
    return [
      'keepalive 32;',
      '# shorter than in the app: a request on a connection that the app closes is a 502',
      `keepalive_timeout ${seconds}s;`,
    ];
  }
  return hasFeature('nginx', nginxVersion, 'keepaliveByDefault')
    ? ['# the app closes idle connections too early for any reuse', 'keepalive 0;']
    : [];
}
