import { begin } from './drill-exchange.js';
import { type DrillContext, eachClient, keepOpen, type Opened, type Traffic } from './traffic.js';
import { TrafficCounts } from './traffic-counts.js';

/** Clients of server-sent events. A stream must end between two chunks, and the next one must begin. */
export function eventStreams(path: string): Traffic {
  const counts = new TrafficCounts('event streams');
  return {
    counts,
    async probe(context) {
      const { close, ended } = await open(context, path).catch((error) => {
        throw new Error(`GET ${path} is no stream of events: ${error.message}`);
      });
      close();
      await ended;
    },
    run: (context) => eachClient(context, () => keepOpen(context, counts, () => open(context, path))),
  };
}

async function open(context: DrillContext, path: string): Promise<Opened> {
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
  let left = false;
  const ended = new Promise<void>((resolve, reject) => {
    res.once('end', resolve);
    res.on('error', (error) => (left ? resolve() : reject(error)));
    res.resume();
  });
  return {
    ended,
    close() {
      left = true;
      req.destroy();
    },
  };
}
