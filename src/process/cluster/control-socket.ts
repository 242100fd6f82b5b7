import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type ControlAnswer, type ControlRequest, longestLine } from './control-protocol.js';

/** How the cluster answers one request; it may take as long as a reload does. */
export type Answer = (request: ControlRequest) => Promise<ControlAnswer>;

const idleMs = 10_000;

/**
 * Serves the control socket of a cluster, open to this user alone: the folder has mode 700, the socket mode 600. Its
 * name is new each time, so neither another cluster nor one that was killed is in its way. Returns what closes it.
 */
export async function serveControl(folder: string, answer: Answer): Promise<{ path: string; close(): void }> {
  const file = path.join(folder, `${process.pid}-${randomBytes(4).toString('hex')}.sock`);
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMs, () => socket.destroy());
    let length = 0;
    socket.on('data', (chunk) => {
      length += chunk.length;
      if (length > longestLine) socket.destroy();
    });
    const lines = createInterface({ input: socket });
    lines.once('line', (line) => {
      socket.setTimeout(0);
      void reply(line, answer).then((result) => {
        if (socket.writable) socket.end(`${JSON.stringify(result)}\n`);
      });
    });
  });
  server.maxConnections = 32;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(file, resolve);
  });
  chmodSync(file, 0o600);
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

async function reply(line: string, answer: Answer): Promise<ControlAnswer> {
  try {
    return await answer(JSON.parse(line) as ControlRequest);
  } catch (error) {
    return { ok: false, message: (error as Error).message };
  }
}
