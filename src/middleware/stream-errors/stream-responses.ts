import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Application, Express, Response as ExpressResponse } from 'express';
import { hopByHop } from '../../support/hop-by-hop.js';
import { replaceMethod } from '../../support/replace-method.js';
import { wrappedSendKey } from '../../support/symbols.js';
import { ResponseSources } from './response-sources.js';
import { isWebStream } from './web-streams.js';

type Send = ExpressResponse['send'];

/** The values that `res.send` streams instead of converting them to the JSON text `{}`. */
type Streamable = Readable | ReadableStream | Blob | Response | AsyncIterable<string | Uint8Array>;

type ResponsePrototype = { send: Send; [wrappedSendKey]?: boolean };

/**
 * Makes `res.send` of one app accept a web `ReadableStream`, a `Response`, a `Blob`, a Node `Readable` or an async
 * iterable of strings and bytes. The method is replaced on the app's own response prototype. An object with a `toJSON`
 * method is still sent as JSON.
 *
 * The type is that of the `Response` or `Blob` unless one was set, else `application/octet-stream`. The length is sent
 * when it is known. Errors, clients that disconnect and HEAD requests are handled as in `bindStreamErrors`.
 *
 * @returns its undo.
 * @example
 * installStreamResponses(app)
 * app.get('/report', async (req, res) => res.send(await fetch(upstream, { signal: req.signal })))
 */
export function installStreamResponses(app: Application): () => void {
  const prototype = (app as Express).response as object as ResponsePrototype;
  if (prototype[wrappedSendKey]) return () => {};
  const original = prototype.send;
  const ofAllApps = Object.getPrototypeOf(prototype) as ResponsePrototype;
  const isInherited = !Object.hasOwn(prototype, 'send');

  function send(this: ExpressResponse, ...args: Parameters<Send>): ExpressResponse {
    const [body] = args;
    if (typeof body === 'object' && body !== null && isStreamable(body)) return sendStream(this, body);
    // `express.response` has the method of all apps, which may be replaced later
    return (isInherited ? ofAllApps.send : original).apply(this, args);
  }

  const undo = replaceMethod(prototype, 'send', Object.assign(send, { [wrappedSendKey]: original }));
  Object.defineProperty(prototype, wrappedSendKey, { value: true, configurable: true });
  return () => {
    undo();
    delete prototype[wrappedSendKey];
  };
}

function isStreamable(body: object): body is Streamable {
  if (typeof (body as { toJSON?: unknown }).toJSON === 'function') return false;
  const iterate = (body as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator];
  return typeof iterate === 'function' || isBlob(body) || isResponse(body);
}

// the tag is compared, since a reference to the class `Response` would load all of fetch during a request
function isResponse(body: object): body is Response {
  return tagOf(body) === 'Response' && typeof (body as Partial<Response>).arrayBuffer === 'function';
}

function isBlob(body: object): body is Blob {
  const tag = tagOf(body);
  return (tag === 'Blob' || tag === 'File') && typeof (body as Partial<Blob>).stream === 'function';
}

function tagOf(body: object): unknown {
  return (body as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
}

function sendStream(res: ExpressResponse, body: Streamable): ExpressResponse {
  if (isResponse(body)) return sendResponse(res, body);
  if (isBlob(body)) {
    if (body.type !== '' && !res.hasHeader('Content-Type')) res.setHeader('Content-Type', body.type);
    if (hasBody(res)) res.setHeader('Content-Length', body.size);
    return sendBody(res, body.stream() as ReadableStream);
  }
  return sendBody(res, body);
}

const ofTheConnection = new Set(hopByHop);

function sendResponse(res: ExpressResponse, response: Response): ExpressResponse {
  if (response.bodyUsed) throw new TypeError('res.send: the body of this Response was read already.');
  if (response.status === 0) throw new TypeError('res.send: this is Response.error(), which has no status.');
  res.statusCode = response.status;
  // fetch() has decoded the body, but its headers still describe the encoded body
  const decoded = response.url !== '' && response.headers.has('content-encoding');
  for (const [name, value] of response.headers) {
    if (ofTheConnection.has(name)) continue;
    if (decoded && (name === 'content-encoding' || name === 'content-length')) continue;
    if (name === 'set-cookie') res.appendHeader(name, value);
    else res.setHeader(name, value);
  }
  if (response.body !== null) return sendBody(res, response.body as ReadableStream);
  res.end();
  return res;
}

function sendBody(
  res: ExpressResponse,
  body: Readable | ReadableStream | AsyncIterable<string | Uint8Array>,
): ExpressResponse {
  if (!hasBody(res)) {
    for (const name of ['Content-Type', 'Content-Length', 'Transfer-Encoding']) {
      if (res.hasHeader(name)) res.removeHeader(name);
    }
  } else if (!res.hasHeader('Content-Type')) {
    res.setHeader('Content-Type', 'application/octet-stream');
  }
  const source = readable(body);
  ResponseSources.of(res).add(source, res, true);
  if (hasBody(res)) {
    source.pipe(res);
  } else {
    source.destroy();
    res.end();
  }
  return res;
}

function hasBody({ statusCode }: ExpressResponse): boolean {
  return statusCode !== 204 && statusCode !== 205 && statusCode !== 304;
}

/**
 * Returns a stream of strings and bytes. A chunk of another type is an error of the stream, not an exception in a
 * listener.
 */
function readable(body: Readable | ReadableStream | AsyncIterable<string | Uint8Array>): Readable {
  if (isWebStream(body)) return Readable.fromWeb(body);
  if (body instanceof Readable && !body.readableObjectMode) return body;
  const source = Readable.from(body as AsyncIterable<string | Uint8Array>, { objectMode: false });
  // an iterator that was never started does not run its own clean-up
  source.once('close', () => {
    if (body instanceof Readable) body.destroy();
    else void (body as Partial<AsyncGenerator>).return?.(undefined)?.catch(() => {});
  });
  return source;
}
