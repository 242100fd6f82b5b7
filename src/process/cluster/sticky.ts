import cluster from 'node:cluster';
import { once } from 'node:events';
import http, { type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ProductionizeError, quote } from '../../support/errors.js';
import { liveApps } from '../../support/live-apps.js';
import { findOrchestrator, marginOf } from '../orchestrator/index.js';
import { endProcess } from '../shutdown/ending.js';
import { hooks, makeHook } from '../shutdown/hooks.js';
import { listenArguments } from '../systemd/inherited-sockets.js';
import type { ClusterWorker } from './cluster-worker.js';
import type { Traffic } from './pool.js';
import { drainMessage, readyMessage, type WorkerMessage } from './worker-protocol.js';

/** Where the primary of a sticky cluster listens. */
export interface StickyOptions {
  /** The TCP port; 0 takes a free one. */
  readonly port: number;
  /**
   * The address to bind.
   * @default all addresses
   */
  readonly host?: string;
}

/** What the library needs of a socket.io server. */
export interface SocketServer {
  readonly httpServer: Server;
  readonly engine: unknown;
  close(): unknown;
}

interface StickyModule {
  setupPrimary(server: Server): void;
  setupWorker(io: unknown): void;
}

async function loadSticky(): Promise<StickyModule> {
  try {
    const loaded = (await import('@socket.io/sticky')) as unknown as { default: StickyModule };
    return loaded.default;
  } catch (error) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_CLUSTER_STICKY',
      `runCluster: \`sticky\` needs the package @socket.io/sticky 2, which did not load: ${(error as Error).message}. Install it: npm install @socket.io/sticky.`,
    );
  }
}

/**
 * Listens in the primary and hands each connection to the worker that knows its socket.io session. Worker and primary
 * then talk in the format that keeps bytes as they are, which the package asks for. Returns the server's port and
 * which workers it may choose from.
 */
export async function listenSticky({
  port,
  host,
}: StickyOptions): Promise<{ port: number; traffic: Traffic }> {
  const { setupPrimary } = await loadSticky();
  cluster.setupPrimary({ serialization: 'advanced' });
  const server = http.createServer();
  setupPrimary(server);
  server.listen(...(listenArguments([port, host]) as Parameters<Server['listen']>));
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    // the package chooses among `cluster.workers`, in which Node lists those that start or leave, too
    traffic: {
      onForked: (worker) => offer(worker, false),
      onServing: (worker) => offer(worker, true),
      onLeaving: (worker) => offer(worker, false),
    },
  };
}

/** What cannot be enumerated is not chosen, and still found for the sessions it has. */
function offer({ id, handle }: ClusterWorker, enumerable: boolean): void {
  const workers = cluster.workers ?? {};
  if (!(id in workers)) return;
  Object.defineProperty(workers, id, { value: handle, enumerable, writable: true, configurable: true });
}

/** Serves the connections that the primary of a sticky cluster hands over, and leaves when asked. */
export async function serveSticky(io: unknown): Promise<void> {
  if (!isSocketServer(io)) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_CLUSTER_STICKY',
      `runCluster: with \`sticky\`, expected \`start\` to return the socket.io server, got ${quote(io)}. Its HTTP server is not to listen: the primary does.`,
    );
  }
  const { setupWorker } = await loadSticky();
  setupWorker(io);
  io.httpServer.on('connection', endStandIn);
  // clients that lose their transport connect again by themselves, and meet another worker
  hooks.drain.add(makeHook(() => io.close(), { name: 'the end of socket.io' }));
  const { graceMs } = findOrchestrator();
  const drainMs = graceMs - marginOf(graceMs);
  process.on('message', (message) => {
    if (message !== drainMessage) return;
    endProcess({ reason: 'the message shutdown', lifecycles: liveApps, timeoutMs: drainMs });
  });
  const shutdown: WorkerMessage = { productionize: 'shutdown', reportsReady: true, drainMs };
  process.send?.(shutdown);
  process.send?.(readyMessage);
}

/** The package's stand-in for a connection whose body comes in pieces is never closed by it, and would be drained for. */
function endStandIn(socket: Duplex): void {
  if (!(socket instanceof Socket)) socket.once('finish', () => socket.destroy());
}

function isSocketServer(io: unknown): io is SocketServer {
  const { httpServer, engine, close } = Object(io) as Record<string, unknown>;
  return Boolean(httpServer) && Boolean(engine) && typeof close === 'function';
}
