import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AcceptQueue } from '../../src/support/accept-queue.js';
import { killAll, run } from '../helpers/program.js';

describe('the accept queue', () => {
  const listen = async (server: net.Server, ...args: unknown[]) => {
    server.listen(...(args as [number]));
    await once(server, 'listening');
    return server;
  };
  /** The kernel may take a moment for its handshakes; meanwhile this process must not accept. */
  const reached = (queue: AcceptQueue, count: number) => {
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (let n = 0; n < 1000 && (queue.length() ?? 0) < count; n++) Atomics.wait(cell, 0, 0, 1);
    return queue.length();
  };

  /** Connects without letting the event loop turn, so that nobody accepts. */
  const knock = async (count: number, port: number, host: string) => {
    const sockets = Array.from({ length: count }, () => net.connect(port, host));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    return sockets;
  };

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
  ])('counts the connections that wait on %s, and no others', async (address, host) => {
    const server = await listen(net.createServer(), 0, address);
    const other = await listen(net.createServer(), 0, address);
    const { port } = server.address() as AddressInfo;
    const queue = AcceptQueue.of(server) as AcceptQueue;
    expect(queue.length()).toBe(0);
    const sockets = await knock(7, port, host);
    const strangers = await knock(3, (other.address() as AddressInfo).port, host);
    expect(reached(queue, 7)).toBe(7);
    for (const socket of [...sockets, ...strangers]) socket.destroy();
    server.close();
    other.close();
  });

  it('is read on a machine with more servers than the kernel lists in one read', async () => {
    const servers = await Promise.all(
      Array.from({ length: 100 }, () => listen(net.createServer(), 0, '127.0.0.1')),
    );
    // other processes start and stop servers meanwhile, which moves the rows
    const others = [1, 2].map(() => run('servers-come-and-go.mjs'));
    await Promise.all(others.map((other) => other.line(/started/)));
    const queues = servers.map(AcceptQueue.of);
    const lengths = queues.map((queue) => (typeof queue === 'string' ? queue : queue.length()));
    for (const server of servers) server.close();
    killAll();
    expect(lengths).toEqual(servers.map(() => 0));
  });

  it('finds its row again when other servers start and stop', async () => {
    const before = await listen(net.createServer(), 0, '127.0.0.1');
    const server = await listen(net.createServer(), 0, '127.0.0.1');
    const queue = AcceptQueue.of(server) as AcceptQueue;
    const more = await Promise.all(
      Array.from({ length: 5 }, () => listen(net.createServer(), 0, '127.0.0.1')),
    );
    before.close();
    await once(before, 'close');
    const sockets = await knock(4, (server.address() as AddressInfo).port, '127.0.0.1');
    expect(reached(queue, 4)).toBe(4);
    for (const socket of sockets) socket.destroy();
    for (const each of [server, ...more]) each.close();
  });

  it('returns the reason why it cannot be read: a socket that is no TCP socket, or not of this process', async () => {
    const file = path.join(tmpdir(), `shedding-${process.pid}.sock`);
    const server = await listen(http.createServer(), file);
    expect(AcceptQueue.of(server)).toMatch(/does not listen on TCP/);
    server.close();
    expect(AcceptQueue.of(net.createServer())).toMatch(/does not listen on TCP/);
  });
});
