import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hasConnection } from '../../support/response-state.js';

const countedKey = Symbol('counted-bytes');

type Counted = Socket & { [countedKey]?: number; readonly _httpMessage?: ServerResponse | null };

/** Fields of Node that no method returns. */
interface Sent {
  readonly _header?: string | null;
  readonly _contentLength?: number | null;
  /** False for a response to HEAD, and for a status without a body. */
  readonly _hasBody?: boolean;
}

/**
 * The bytes of the body of a complete response. For a body without a `Content-Length` they are what the connection has
 * sent since the response before, the framing included.
 */
export function bodyBytes(req: IncomingMessage, res: ServerResponse): number {
  if (req.httpVersionMajor >= 2 || !hasConnection(req)) return announced(req, res);
  const socket: Counted = req.socket;
  const { _header: head, _contentLength: length, _hasBody: hasBody } = res as Sent;
  // read for a known length, too: the next response may have none, and is measured from here
  const { bytesWritten } = socket;
  const before = (socket[countedKey] ?? 0) + (head?.length ?? 0);
  const bytes = hasBody === false ? 0 : (length ?? Math.max(bytesWritten - before, 0));
  // a pipelined response may have begun, and its bytes belong to it
  socket[countedKey] = socket._httpMessage == null ? bytesWritten : before + bytes;
  // the socket of another package may count no bytes
  return bytes || 0;
}

function announced({ method }: IncomingMessage, res: ServerResponse): number {
  if (method === 'HEAD' || res.statusCode === 204 || res.statusCode === 304) return 0;
  return Math.max(Number(res.getHeader('content-length')) || 0, 0);
}
