import type { Observations } from './observations.js';

/** One of those that end a request or a process after a time, from the client to the orchestrator. */
export interface TimeoutStep {
  readonly name: 'client' | 'proxy' | 'server' | 'route' | 'drain' | 'orchestrator';
  /** Milliseconds; `null` where there is no limit, or it is not known. */
  readonly ms: number | null;
  /** What happens after this time. */
  readonly text: string;
  /** Whether this is a usual value, and none that was seen. */
  readonly usual: boolean;
  /** Why the order is wrong; `null` where it is right. */
  readonly fault: string | null;
}

/** Milliseconds that browsers, nginx and the load balancers of clouds, and supervisors usually wait. */
const usualMs = { client: 300_000, proxy: 60_000, orchestrator: 10_000 } as const;

/** The timeouts in the order in which they must end: each one before the next that is outside of it. */
export function timeoutChain(seen: Observations): TimeoutStep[] {
  const { app, process } = seen;
  const idleMs = process?.keepAliveTimeoutMs || null;
  const closing = process ? 'never closes idle connections' : 'was not examined';
  const routeMs = app?.responseTimeoutMs ?? null;
  return [
    { name: 'client', ms: usualMs.client, text: 'gives up', usual: true, fault: null },
    {
      name: 'proxy',
      ms: usualMs.proxy,
      text: 'responds with 504, closes idle connections',
      usual: true,
      fault: fileFault(seen, /^(nginx|haproxy)\/(read|idle|event-stream)-timeout$/),
    },
    {
      name: 'server',
      ms: idleMs,
      text: idleMs === null ? closing : 'closes idle connections',
      usual: false,
      fault: idleMs !== null && idleMs <= usualMs.proxy ? 'before the proxy does' : null,
    },
    {
      name: 'route',
      ms: routeMs,
      text: routeMs === null ? 'has no limit' : 'responds with 503',
      usual: false,
      fault: routeMs !== null && routeMs >= usualMs.proxy ? 'after the proxy has given up' : null,
    },
    drain(seen, routeMs),
    {
      name: 'orchestrator',
      ms: usualMs.orchestrator,
      text: 'kills the process',
      usual: true,
      fault:
        fileFault(seen, /grace|(?:stop|kill)-timeout/) ??
        ((app?.shutdownMs ?? 0) > usualMs.orchestrator ? 'before the drain has ended' : null),
    },
  ];
}

function drain({ app, shutdown }: Observations, routeMs: number | null): TimeoutStep {
  const ms = app?.shutdownMs ?? null;
  const step = { name: 'drain', ms, usual: false } as const;
  if (shutdown?.responded === false)
    return { ...step, text: 'is missing', fault: 'SIGTERM interrupts requests' };
  if (shutdown?.ended === false)
    return { ...step, text: 'never ends', fault: 'the process does not end after SIGTERM' };
  if (ms === null)
    return {
      ...step,
      text: shutdown ? 'ends when requests have ended' : 'was not examined',
      fault: null,
    };
  const fault = routeMs !== null && routeMs > ms ? 'before the limit of a route' : null;
  return { ...step, text: 'aborts open requests', fault };
}

function fileFault({ filesAround }: Observations, ids: RegExp): string | null {
  const found = filesAround.find(({ id }) => ids.test(id));
  return found === undefined ? null : `${found.found}: ${found.expected}`;
}
