import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { createClient } from 'redis';
import { afterwards, folder, freePort, until } from './daemons.js';

const cliOf = (url: string) => createClient({ url, socket: { reconnectStrategy: () => 20 } });
type Cli = ReturnType<typeof cliOf>;

/** A Redis of one test: nothing of it is written to disk. */
export interface TestRedis {
  readonly port: number;
  readonly url: string;
  /** Sends commands over a connection of its own. */
  readonly cli: Cli;
  /** Kills it, as a machine does that loses its power. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
}

/** Starts a Redis that `cleanUp` of `daemons.ts` ends. */
export async function startRedis(...args: string[]): Promise<TestRedis> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const cli = cliOf(url);
  cli.on('error', () => {});
  let server: ChildProcess | undefined;

  const kill = async () => {
    if (!server) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    server = undefined;
  };
  const start = async () => {
    const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    server = spawn('redis-server', [...flags, '--dir', folder(), ...args], { stdio: 'ignore' });
    await once(server, 'spawn');
    if (!cli.isOpen) await cli.connect();
    await until(async () => (await cli.ping()) === 'PONG');
  };
  afterwards(async () => {
    if (cli.isOpen) cli.destroy();
    await kill();
  });
  await start();
  return { port, url, cli, kill, start };
}

/** A way to a server that can be made slow, cut, or dead without a word. */
export interface TestProxy {
  readonly port: number;
  readonly url: string;
  /** Holds what comes back for so long. */
  delay(ms: number): void;
  /** Nothing gets through any more, and nobody is told; connections of before stay dead. */
  blackhole(): void;
  /** New connections are ended at once. */
  refuse(): void;
  /** New connections get through again. */
  open(): void;
  /** Ends all connections. */
  cut(): void;
  /** Connections that stand. */
  connections(): number;
  /** Connections that were opened so far, and bytes that clients sent. */
  accepted(): number;
  received(): number;
}

export async function startProxy(target: number): Promise<TestProxy> {
  let delayMs = 0;
  let dead = false;
  let refusing = false;
  let accepted = 0;
  let received = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((near) => {
    accepted++;
    if (refusing) {
      near.destroy();
      return;
    }
    const far = net.connect(target, '127.0.0.1');
    let lost = dead;
    sockets.add(near);
    const end = () => {
      sockets.delete(near);
      near.destroy();
      far.destroy();
    };
    near.on('data', (chunk) => {
      received += chunk.length;
      lost ||= dead;
      if (!lost) far.write(chunk);
    });
    far.on('data', (chunk) => {
      setTimeout(() => {
        lost ||= dead;
        if (!lost) near.write(chunk);
      }, delayMs);
    });
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  afterwards(async () => {
    cut();
    server.close();
    await once(server, 'close');
  });
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    delay: (ms) => {
      delayMs = ms;
    },
    blackhole: () => {
      dead = true;
    },
    refuse: () => {
      refusing = true;
    },
    open: () => {
      dead = false;
      refusing = false;
    },
    cut,
    connections: () => sockets.size,
    accepted: () => accepted,
    received: () => received,
  };
}
