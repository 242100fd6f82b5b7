import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { ProductionizeError, quote } from '../../support/errors.js';
import { ResponseSources } from './response-sources.js';
import { bindWebStream, isWebStream } from './web-streams.js';

/**
 * Binds a stream to a response, for streams whose errors no other code handles:
 *
 * - An error before the headers are sent is passed to `next`, as 404 when a file is missing.
 * - An error after that is reported, and the connection is reset. The client must not mistake a partial body for a
 *   complete one.
 * - When the client disconnects, the stream is destroyed, and a web stream is cancelled.
 * - A HEAD request receives the status of GET, and nothing is read.
 *
 * For a chain, pass all streams in the order in which they are piped. Binding a stream twice changes nothing.
 *
 * @param next - the handler's `next`; without it, Express's own is used, and in plain Node a generic error is sent.
 * @returns its undo, which does not destroy the streams.
 * @throws ProductionizeError when an argument is not a stream.
 * @see https://nodejs.org/api/stream.html#readablepipedestination-options
 * @example
 * const file = fs.createReadStream(path)
 * bindStreamErrors(file, res, next)
 * file.pipe(res)
 */
export function bindStreamErrors(
  stream: Readable | ReadableStream | readonly Readable[],
  res: ServerResponse,
  next?: (error?: unknown) => void,
): () => void {
  if (isWebStream(stream)) return bindWebStream(stream, res);
  const chain = (Array.isArray(stream) ? stream : [stream]) as Readable[];
  for (const source of chain) checkSource(source);
  const sources = ResponseSources.of(res);
  const sinks = [...chain.slice(1), res] as NodeJS.WritableStream[];
  chain.forEach((source, at) => {
    sources.add(source, sinks[at] as NodeJS.WritableStream, true, next);
  });
  return () => {
    for (const source of chain) sources.remove(source);
  };
}

function checkSource(source: unknown): void {
  if (typeof (source as Partial<Readable> | null)?.pipe === 'function') return;
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_STREAM',
    `bindStreamErrors: expected a readable stream, a list of them or a web ReadableStream, got ${quote(source)}.`,
  );
}
