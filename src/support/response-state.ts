import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';

/** The stream of an exchange over HTTP/2. */
export function streamOf({ req }: Pick<ServerResponse, 'req'>): ServerHttp2Stream | undefined {
  return req.httpVersionMajor >= 2
    ? (req as IncomingMessage & { stream?: ServerHttp2Stream }).stream
    : undefined;
}

/** Whether nobody waits for a response any more. Over HTTP/2 its stream knows; the response itself does not say. */
export function isClosed(res: ServerResponse): boolean {
  return res.closed || res.destroyed || streamOf(res)?.closed === true;
}
