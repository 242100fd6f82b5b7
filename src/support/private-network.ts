import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';

const networks = new BlockList();
for (const [address, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  networks.addSubnet(address, bits, 'ipv4');
}
networks.addAddress('::1', 'ipv6');
networks.addSubnet('fc00::', 7, 'ipv6');
networks.addSubnet('fe80::', 10, 'ipv6');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

const forwarding = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'];

/**
 * Whether the client of a request is on this machine or in its private network (RFC 1918, RFC 4193). Requests through a
 * proxy are excluded: the proxy is in the private network, but its clients may be anywhere.
 */
export function isFromPrivateNetwork(req: IncomingMessage): boolean {
  return isDirectFrom(networks, req);
}

/** Whether the client of a request is on this machine, and no proxy is. */
export function isFromLoopback(req: IncomingMessage): boolean {
  return isDirectFrom(loopback, req);
}

function isDirectFrom(list: BlockList, req: IncomingMessage): boolean {
  if (forwarding.some((name) => req.headers[name] !== undefined)) return false;
  // a Unix socket has no address, and its client is on this machine
  const address = req.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
  return address === undefined || list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
