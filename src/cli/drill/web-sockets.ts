import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { begin, responseLimitMs } from './drill-exchange.js';
import { type DrillContext, type OpenConnection, openConnections, type Traffic } from './traffic.js';
import { controlFrame, frameReader, opcodes } from './web-socket-frames.js';

/** Clients with a WebSocket. It must end with a close frame, and the next one must open. */
export function webSockets(path: string): Traffic {
  return openConnections('WebSockets', (context) => open(context, path), `GET ${path} opens no WebSocket`);
}

/** Opens a WebSocket (RFC 6455, 4.1) and resolves when the server has responded to a ping. */
async function open(context: DrillContext, path: string): Promise<OpenConnection> {
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
    throw new Error('the Sec-WebSocket-Accept is wrong');
  }
  req.setTimeout(0);
  return startProtocol(socket, first, context.end);
}

async function startProtocol(socket: Duplex, first: Buffer, end: AbortSignal): Promise<OpenConnection> {
  let closing = false;
  let onPong = (): void => {};
  const pong = new Promise<void>((resolve) => {
    onPong = resolve;
  });
  const read = frameReader(({ opcode, payload }) => {
    if (opcode === opcodes.pong) onPong();
    if (opcode === opcodes.ping) socket.write(controlFrame(opcodes.pong, payload));
    if (opcode !== opcodes.close) return;
    if (!closing) socket.write(controlFrame(opcodes.close, payload.subarray(0, 2)));
    closing = true;
    socket.end();
  });
  const destroy = (): void => void socket.destroy();
  end.addEventListener('abort', destroy, { once: true });
  const ended = new Promise<void>((resolve, reject) => {
    let reason = new Error('closed without a close frame');
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
  const noPong = new Error(`no pong for ${responseLimitMs / 1000} s`);
  const limit = setTimeout(() => socket.destroy(noPong), responseLimitMs);
  try {
    // a close frame instead of the pong is no loss
    await Promise.race([pong, ended]);
  } finally {
    clearTimeout(limit);
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
