import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { begin, responseLimitMs } from './drill-exchange.js';
import { type DrillContext, eachClient, keepOpen, type Opened, type Traffic } from './traffic.js';
import { TrafficCounts } from './traffic-counts.js';
import { controlFrame, frameReader, opcodes } from './web-socket-frames.js';

/** Clients with a WebSocket. It must end with a close frame, and the next one must open. */
export function webSockets(path: string): Traffic {
  const counts = new TrafficCounts('WebSockets');
  return {
    counts,
    async probe(context) {
      const { close, ended } = await open(context, path).catch((error) => {
        throw new Error(`GET ${path} opens no WebSocket: ${error.message}`);
      });
      close();
      await ended;
    },
    run: (context) => eachClient(context, () => keepOpen(context, counts, () => open(context, path))),
  };
}

/** Opens a WebSocket (RFC 6455, 4.1) and resolves when the server has responded to a ping. */
async function open(context: DrillContext, path: string): Promise<Opened> {
  const key = randomBytes(16).toString('base64');
  const { req, head } = begin(context, {
    path,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
    },
  });
  const upgraded = new Promise<[IncomingMessage, Duplex, Buffer]>((resolve) => {
    req.once('upgrade', (...all) => resolve(all));
  });
  req.end();
  const refused = head.then((res) => {
    req.destroy();
    throw new Error(`status ${res.statusCode}`);
  });
  const [res, socket, first] = await Promise.race([upgraded, refused]);
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  if (res.headers['sec-websocket-accept'] !== accept) {
    socket.destroy();
    throw new Error('a wrong Sec-WebSocket-Accept');
  }
  req.setTimeout(0);
  return converse(socket, first, context.end);
}

async function converse(socket: Duplex, first: Buffer, end: AbortSignal): Promise<Opened> {
  let closing = false;
  let answered = (): void => {};
  const ponged = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const read = frameReader(({ opcode, payload }) => {
    if (opcode === opcodes.pong) answered();
    if (opcode === opcodes.ping) socket.write(controlFrame(opcodes.pong, payload));
    if (opcode !== opcodes.close) return;
    if (!closing) socket.write(controlFrame(opcodes.close, payload.subarray(0, 2)));
    closing = true;
    socket.end();
  });
  const destroy = (): void => void socket.destroy();
  end.addEventListener('abort', destroy, { once: true });
  const ended = new Promise<void>((resolve, reject) => {
    let reason = new Error('cut without a close frame');
    socket.on('error', (error) => {
      reason = error;
    });
    socket.on('data', read);
    socket.once('close', () => {
      end.removeEventListener('abort', destroy);
      if (closing) resolve();
      else reject(reason);
    });
  });
  if (first.length > 0) read(first);
  socket.write(controlFrame(opcodes.ping));
  const silence = setTimeout(() => socket.destroy(new Error('a ping without an answer')), responseLimitMs);
  try {
    // a close frame instead of the pong is no loss
    await Promise.race([ponged, ended]);
  } finally {
    clearTimeout(silence);
  }
  return {
    ended,
    close() {
      if (closing) return;
      closing = true;
      socket.write(controlFrame(opcodes.close, Buffer.from([1000 >> 8, 1000 & 0xff])));
      setTimeout(destroy, 2000).unref();
    },
  };
}
