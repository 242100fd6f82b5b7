import { begin } from '../drill/drill-exchange.js';
import { eventStreams } from '../drill/event-streams.js';
import type { DrillContext, Traffic } from '../drill/traffic.js';
import { webSockets } from '../drill/web-sockets.js';
import type { ProofContext } from './proof-context.js';
import { type Check, notApplicable, notProven, proven } from './proof-row.js';

/** Milliseconds in which an app sends its first event. */
const firstEventMs = 2000;

/** A kind of connections that stay open, and its traffic for later checks. */
export interface LongConnections {
  readonly check: Check;
  /** `undefined` where the app opens none. It is known after the check. */
  traffic(): Traffic | undefined;
}

/** WebSockets through the proxy, on the first path that the app has for them. */
export function webSocketConnections(context: ProofContext): LongConnections {
  const [path] = context.facts.webSocketPaths;
  return longConnections(
    context,
    'a WebSocket opens and responds',
    path,
    webSockets,
    'web-sockets',
    async () => '',
  );
}

/** Event streams through the proxy, which must not hold events back. */
export function eventStreamConnections(context: ProofContext): LongConnections {
  const [path] = context.facts.eventStreamPaths;
  return longConnections(
    context,
    'an event stream passes immediately',
    path,
    eventStreams,
    'event-streams',
    async (proxied, direct) => {
      if (!(await hasEvent(direct, path as string))) return '; the app sends no event at the beginning';
      if (await hasEvent(proxied, path as string))
        return '; the first event arrives while the stream is open';
      throw new Error(`GET ${path}: the proxy holds the first event back`);
    },
  );
}

function longConnections(
  { targets, end }: ProofContext,
  behaviour: string,
  path: string | undefined,
  trafficOn: (path: string) => Traffic,
  flag: string,
  more: (proxied: DrillContext, direct: DrillContext) => Promise<string>,
): LongConnections {
  let opens = false;
  const to = (target: DrillContext['target']) => ({ target, clients: 1, stop: end, end });
  const [proxied, direct] = [to(targets.proxy), to(targets.direct)];
  return {
    check: {
      behaviour,
      async run() {
        if (path === undefined) return notApplicable(`the app has no known path: --${flag} names one`);
        const missing = await trafficOn(path)
          .probe?.(direct)
          .then(
            () => undefined,
            (error: Error) => error,
          );
        if (missing !== undefined) return notApplicable(`${missing.message}: --${flag} names another path`);
        try {
          await trafficOn(path).probe?.(proxied);
          const seen = await more(proxied, direct);
          opens = true;
          return proven(`GET ${path}${seen}`);
        } catch (error) {
          return notProven((error as Error).message);
        }
      },
    },
    traffic: () => (opens && path !== undefined ? trafficOn(path) : undefined),
  };
}

async function hasEvent(context: DrillContext, path: string): Promise<boolean> {
  const { req, head } = begin(context, { path, headers: { accept: 'text/event-stream' } });
  req.end();
  const res = await head;
  return new Promise((resolve) => {
    const settle = (arrived: boolean): void => {
      clearTimeout(timer);
      resolve(arrived);
      req.destroy();
    };
    const timer = setTimeout(settle, firstEventMs, false);
    res.on('error', () => settle(false));
    res.once('data', () => settle(true));
  });
}
