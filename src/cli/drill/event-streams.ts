import { begin } from './drill-exchange.js';
import { type DrillContext, type OpenConnection, openConnections, type Traffic } from './traffic.js';

/** Clients of server-sent events. A stream must end between two chunks, and the next one must begin. */
export function eventStreams(path: string): Traffic {
  return openConnections(
    'event streams',
    (context) => open(context, path),
    `GET ${path} is no stream of events`,
  );
}

async function open(context: DrillContext, path: string): Promise<OpenConnection> {
  const { req, head } = begin(context, { path, headers: { accept: 'text/event-stream' } });
  req.end();
  const res = await head;
  const type = res.headers['content-type'] ?? 'none';
  if (res.statusCode !== 200 || !/^text\/event-stream/i.test(type)) {
    req.destroy();
    throw new Error(`status ${res.statusCode}, content type ${type}`);
  }
  // the idle time of an event stream has no limit
  req.setTimeout(0);
  let closed = false;
  const ended = new Promise<void>((resolve, reject) => {
    res.once('end', resolve);
    res.on('error', (error) => (closed ? resolve() : reject(error)));
    res.resume();
  });
  return {
    ended,
    close() {
      closed = true;
      req.destroy();
    },
  };
}
