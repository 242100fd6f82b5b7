import net from 'node:net';
import tls from 'node:tls';
import { withTimeLimit } from '../support/time-limit.js';
import type { ExaminedApp } from './examined-app.js';
import type { ShutdownObservation } from './observations.js';
import type { ExaminedServer } from './probe/doctor-protocol.js';

/** Milliseconds for the app to end after SIGTERM. Supervisors usually wait 10 s before they kill. */
const endMs = 9000;

/** Sends SIGTERM while a request has sent a part of its head, and then the rest of it. */
export async function observeShutdown(
  app: ExaminedApp,
  { port, encrypted }: ExaminedServer,
  path: string,
): Promise<ShutdownObservation> {
  const address = { host: '127.0.0.1', port };
  const socket = encrypted ? tls.connect({ ...address, rejectUnauthorized: false }) : net.connect(address);
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('error', () => resolve());
    socket.once('close', () => resolve());
  });
  // a first response shows that the app has accepted the connection
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  await Promise.race([closed, new Promise((resolve) => socket.once('data', resolve))]);
  const before = received.length;
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`);
  app.signal('SIGTERM');
  await signalled(app);
  socket.write('Connection: close\r\n\r\n');
  const ended = await withTimeLimit(app.exited, endMs, () => undefined);
  socket.destroy();
  const responded = /HTTP\/1\.1 \d{3} /.test(received.slice(before));
  return { code: ended?.code ?? null, signal: ended?.signal ?? null, responded, ended: ended !== undefined };
}

/** Resolves when the app has ended, or a signal that it handles has arrived. */
async function signalled(app: ExaminedApp): Promise<void> {
  await Promise.race([app.exited, app.request('sync calls').catch(() => {})]);
}
