import { randomBytes } from 'node:crypto';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { loadBuiltin } from '../../support/node-builtins.js';
import { type ControlRequest, type ControlResponse, longestLine } from './control-protocol.js';

/** Executes one request. It may take as long as a reload. The signal aborts when no client waits for the response. */
export type ControlHandler = (request: ControlRequest, gone: AbortSignal) => Promise<ControlResponse>;

const idleMs = 10_000;

/**
 * Serves the control socket of a cluster for this user only: the directory has mode 700, the socket mode 600. The name
 * of the socket is unique, so that clusters never collide. Returns its path and a function that closes it.
 */
export async function serveControl(
  directory: string,
  respond: ControlHandler,
): Promise<{ path: string; close(): void }> {
  const name = path.join(directory, `${process.pid}-${randomBytes(4).toString('hex')}`);
  const [bound, file] = [`${name}.temp`, `${name}.sock`];
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMs, () => socket.destroy());
    let length = 0;
    socket.on('data', (chunk) => {
      length += chunk.length;
      if (length > longestLine) socket.destroy();
    });
    const lines = loadBuiltin('node:readline').createInterface({ input: socket });
    lines.once('line', (line) => {
      socket.setTimeout(0);
      const gone = new AbortController();
      socket.once('close', () => gone.abort());
      void reply(line, respond, gone.signal).then((result) => {
        if (socket.writable) socket.end(`${JSON.stringify(result)}\n`);
      });
    });
  });
  server.maxConnections = 32;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(bound, resolve);
  });
  chmodSync(bound, 0o600);
  // a client that finds a socket before it listens takes it for one that a killed primary left, and removes it
  renameSync(bound, file);
  server.on('error', () => {});
  server.unref();
  return {
    path: file,
    close() {
      server.close();
      rmSync(file, { force: true });
    },
  };
}

async function reply(line: string, respond: ControlHandler, gone: AbortSignal): Promise<ControlResponse> {
  try {
    return await respond(JSON.parse(line) as ControlRequest, gone);
  } catch (error) {
    return { ok: false, message: (error as Error).message };
  }
}
