import cluster from 'node:cluster';
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import { endWithParent } from '../../deploy/facts/end-with-parent.js';
import { type RequestedAddress, redirectListening } from '../../deploy/facts/redirected-listening.js';
import { installServingHooks } from '../../preload/serving-hooks.js';
import { presetProduction } from '../../process/cluster/preset-production.js';
import {
  type InstanceEvent,
  type InstanceSettings,
  idHeader,
  instanceEvent,
  instanceMessage,
  instanceVariable,
} from './instance-protocol.js';

// The entry of `node --import proved-instance.js app.js`: the app runs as it is, on a port of the proof.

const settings = JSON.parse(process.env[instanceVariable] as string) as InstanceSettings;
const { parent, port } = settings;
const isInstance = isMainThread && process.ppid === parent;

redirectListening(
  (_server, address) => {
    if (isProved(address)) report({ kind: 'listening' });
  },
  (address) => (isProved(address) ? port : 0),
);
if (isMainThread) {
  presetProduction();
  installServingHooks();
  subscribe('http.server.request.start', onRequest);
}
if (isInstance) {
  cluster.on('message', (_worker, message) => {
    if (instanceEvent(message)) process.send?.(message);
  });
  endWithParent(parent);
}

/** Whether an address is the one behind the proxy. */
function isProved({ port: requested }: RequestedAddress): boolean {
  return requested === settings.requested || (settings.requestsAny && requested === 0);
}

function onRequest(message: unknown): void {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
  const id = request.headers[idHeader];
  if (typeof id !== 'string') return;
  report({ kind: 'request', id, connection: `${process.pid}:${request.socket.remotePort}` });
  response.once('finish', () => {
    const { ip } = request as IncomingMessage & { ip?: unknown };
    report({ kind: 'response', id, address: typeof ip === 'string' ? ip : null });
  });
}

function report(event: InstanceEvent): void {
  if (isInstance || cluster.isWorker) process.send?.(instanceMessage(event));
}
