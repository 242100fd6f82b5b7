import cluster from 'node:cluster';
import { once } from 'node:events';
import type { Server } from 'node:http';
import http from 'node:http';
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
import { drainMessage, readyMessage, sendToParent, type WorkerMessage } from './worker-protocol.js';

/** The address on which the primary of a sticky cluster listens. */
export interface StickyOptions {
  /** The TCP port; 0 selects a free one. */
  readonly port: number;
  /** The address to bind. @default all addresses */
  readonly host?: string;
}

/** The members of a socket.io server that are used here. */
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
 * Listens in the primary and passes each connection to the worker that has its socket.io session. The package
 * `@socket.io/sticky` requires the serialization `advanced`, which transfers binary data unchanged between primary and
 * workers. Returns the port of the server and the callbacks with the workers that it may choose.
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
    // the package chooses among `cluster.workers`, in which Node also lists workers that start or exit
    traffic: {
      onForked: (worker) => offer(worker, false),
      onServing: (worker) => offer(worker, true),
      onLeaving: (worker) => offer(worker, false),
    },
  };
}

/** Sets whether the package can choose a worker. One that is not enumerable receives only its existing sessions. */
function offer({ id, handle }: ClusterWorker, enumerable: boolean): void {
  const workers = cluster.workers ?? {};
  if (!(id in workers)) return;
  Object.defineProperty(workers, id, { value: handle, enumerable, writable: true, configurable: true });
}

/** Serves the connections that the primary of a sticky cluster passes on, and ends the worker when requested. */
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
  // clients whose transport is closed reconnect automatically, and another worker serves them
  hooks.drain.add(makeHook(() => io.close(), { name: 'the end of socket.io' }));
  const { graceMs } = findOrchestrator();
  const drainMs = graceMs - marginOf(graceMs);
  process.on('message', (message) => {
    if (message !== drainMessage) return;
    endProcess({ reason: 'the message shutdown', lifecycles: liveApps, timeoutMs: drainMs });
  });
  const shutdown: WorkerMessage = { productionize: 'shutdown', reportsReady: true, drainMs };
  sendToParent(shutdown);
  sendToParent(readyMessage);
}

/** Destroys the stream that the package emits for a body in several pieces. An open stream would delay the drain. */
function endStandIn(socket: Duplex): void {
  if (!(socket instanceof Socket)) socket.once('finish', () => socket.destroy());
}

function isSocketServer(io: unknown): io is SocketServer {
  const { httpServer, engine, close } = Object(io) as Record<string, unknown>;
  return Boolean(httpServer) && Boolean(engine) && typeof close === 'function';
}
