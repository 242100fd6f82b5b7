import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import { type Body, isBody, type WriteCallback } from '../../support/encoding/encoded-stream.js';
import { type HeadersArgument, setHeaders } from '../../support/encoding/encoding-headers.js';
import { encodingKey, takesText } from '../../support/symbols.js';
import { type EncodingSettings, ResponseEncoding } from './response-encoding.js';

const debug = debugFor('compression');

type Encoded = ServerResponse & { [encodingKey]: ResponseEncoding; flush: () => void };

/**
 * Takes charge of how the body of a response is encoded, from its `writeHead`, `write` and `end` on. The functions put
 * there are shared by all responses; what belongs to one is in its {@link ResponseEncoding}.
 */
export function encodeResponse(req: IncomingMessage, res: ServerResponse, settings: EncodingSettings): void {
  const response = res as Encoded;
  if (response[encodingKey] !== undefined) {
    debug(() => ['%s: compression is mounted twice, the first one decides', req.method]);
    return;
  }
  response[encodingKey] = new ResponseEncoding(req, res, settings);
  response.flush = flush;
  res.writeHead = writeHead as ServerResponse['writeHead'];
  res.write = write as ServerResponse['write'];
  res.end = end as ServerResponse['end'];
}

function writeHead(
  this: Encoded,
  status: number,
  reason?: string | HeadersArgument,
  headers?: HeadersArgument,
): ServerResponse {
  const encoding = this[encodingKey];
  if (this.headersSent) return encoding.writeHead.call(this, status, reason, headers);
  const given = typeof reason === 'string' ? headers : (headers ?? reason);
  if (given) setHeaders(this, given);
  if (!encoding.decided) {
    encoding.decide(status);
    encoding.keepLength(status);
  }
  const message = typeof reason === 'string' ? reason : undefined;
  try {
    return encoding.writeHead.call(this, status, message);
  } catch (error) {
    encoding.undo();
    throw error;
  }
}

function write(
  this: Encoded,
  chunk: Body,
  charset?: BufferEncoding | WriteCallback,
  callback?: WriteCallback,
): boolean {
  if (typeof charset === 'function') return write.call(this, chunk, undefined, charset);

  const encoding = this[encodingKey];
  // what cannot be written is left to the original, which throws before it sends any header
  if (encoding.stream === undefined && isBody(chunk)) {
    if (!encoding.decided && !this.headersSent) this.writeHead(this.statusCode);
    if (encoding.codec !== undefined && !encoding.handedOver && !this.destroyed) {
      encoding.openStream(encoding.codec);
    }
  }
  return encoding.stream !== undefined
    ? encoding.stream.write(chunk, charset, callback)
    : encoding.write.call(this, chunk, charset, callback);
}

function end(
  this: Encoded,
  chunk?: Body | (() => void) | null,
  charset?: BufferEncoding | (() => void),
  callback?: () => void,
): ServerResponse {
  if (typeof chunk === 'function') return end.call(this, undefined, undefined, chunk);
  if (typeof charset === 'function') return end.call(this, chunk, undefined, charset);
  const encoding = this[encodingKey];
  if (!encoding.decided && !this.headersSent && (chunk == null || isBody(chunk))) {
    encoding.body = chunk ?? '';
    encoding.charset = charset;
    // where others hooked in after us, what they do to the headers comes before the decision
    if (this.writeHead === writeHead) encoding.decide(this.statusCode);
    else this.writeHead(this.statusCode);
  }
  if (encoding.stream !== undefined) encoding.stream.end(chunk ?? undefined, charset, callback);
  else if (encoding.codec === undefined || encoding.handedOver || this.destroyed) {
    encoding.end.call(this, chunk, charset, callback);
  } else encoding.endWhole(encoding.codec, chunk ?? '', charset, callback);
  return this;
}

Object.assign(end, { [takesText]: true });

function flush(this: Encoded): void {
  this[encodingKey].stream?.flush();
}
