import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';

/** Returns the stream of a request and its response over HTTP/2. */
export function streamOf({ req }: Pick<ServerResponse, 'req'>): ServerHttp2Stream | undefined {
  return req.httpVersionMajor >= 2
    ? (req as IncomingMessage & { stream?: ServerHttp2Stream }).stream
    : undefined;
}

/** Whether no client waits for a response any more. Over HTTP/2, only the stream shows it. */
export function isClosed(res: ServerResponse): boolean {
  return res.closed || res.destroyed || streamOf(res)?.closed === true;
}
