import { addressOf } from '../values.js';
import type { HaproxyOptions } from './haproxy-options.js';

/** The instances of the app, and places for further ones. */
export function serverLines(
  name: string,
  upstreams: readonly string[],
  { affinity, spareServers = 0 }: HaproxyOptions,
): string[] {
  const line = (index: number, address: string): string => {
    const id = `${name}_${index + 1}`;
    return `server ${id} ${address}${affinity === 'cookie' ? ` cookie ${id}` : ''}`;
  };
  return [
    ...upstreams.map((upstream, i) => {
      const { host, port } = addressOf(upstream) as { host: string; port: number };
      return line(i, `${host.includes(':') ? `[${host}]` : host}:${port}`);
    }),
    ...(spareServers > 0
      ? ['# `set server … addr`, then `state ready`, makes one of these an instance']
      : []),
    ...Array.from({ length: spareServers }, (_, i) => line(upstreams.length + i, '0.0.0.0:1 disabled')),
  ];
}
