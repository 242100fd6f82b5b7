import http from 'node:http';
import https from 'node:https';
import type { Target } from './bounded-request.js';
import { ExaminedApp, type ExaminedScript } from './examined-app.js';
import { heldBackBy, type Measured, type RouteLatency } from './measured.js';

/** Bounds of the load: routes, requests of each, connections, and milliseconds. */
const mostRoutes = 20;
const mostRequests = 30;
const routeMs = 250;
const requestMs = 1000;
const connections = 16;
const loadMs = 1500;

type Get = (path: string) => Promise<boolean>;

/**
 * Sends GET requests to a start of the app that is used for nothing else, so that the load changes no finding. Returns
 * `undefined` where no path responds in time, or the app ends.
 */
export async function measureLoad(
  script: ExaminedScript,
  paths: readonly string[],
): Promise<Measured | undefined> {
  const app = new ExaminedApp(script);
  try {
    await app.listening(script.timeoutMs);
    const { server } = await app.request('observe');
    const target = { ...server, host: '127.0.0.1', verified: false };
    await app.request('load starts');
    const routes = await latencies(target, paths);
    if (routes.length === 0) return undefined;
    await app.request('load starts');
    const requestsPerSecond = await throughput(target, routes.map(pathOf));
    const eventLoop = await app.request('load ends');
    return { routes, requestsPerSecond, eventLoop, heldBackBy: heldBackBy(eventLoop, routes) };
  } catch {
    return undefined;
  } finally {
    await app.end();
  }
}

const pathOf = ({ route }: RouteLatency): string => route.slice('GET '.length);

/** Requests each path some times, one request after the other. A path without a response in time is left out. */
async function latencies(target: Target, paths: readonly string[]): Promise<RouteLatency[]> {
  const { get, close } = client(target, 1);
  const routes: RouteLatency[] = [];
  for (const path of paths.slice(0, mostRoutes)) {
    const times: number[] = [];
    const end = performance.now() + routeMs;
    // the first request compiles and fills caches
    let isServed = await get(path);
    while (isServed && times.length < mostRequests && (times.length === 0 || performance.now() < end)) {
      const start = performance.now();
      isServed = await get(path);
      times.push(performance.now() - start);
    }
    if (!isServed) continue;
    routes.push({
      ...{ route: `GET ${path}`, requests: times.length },
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
    });
  }
  close();
  return routes;
}

/** Requests all paths over several connections. Returns the responses per second. */
async function throughput(target: Target, paths: readonly string[]): Promise<number> {
  const { get, close } = client(target, connections);
  const start = performance.now();
  let sent = 0;
  let served = 0;
  const connection = async (): Promise<void> => {
    while (performance.now() < start + loadMs) {
      if (await get(paths[sent++ % paths.length] as string)) served++;
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  close();
  return Math.round((served * 1000) / (performance.now() - start));
}

function client({ host, port, encrypted }: Target, maxSockets: number): { get: Get; close(): void } {
  const { request, Agent } = encrypted ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets });
  const get: Get = (path) =>
    new Promise((resolve) => {
      const req = request({ ...{ host, port, path, agent }, rejectUnauthorized: false, timeout: requestMs });
      const timer = setTimeout(() => req.destroy(), requestMs);
      req.on('error', () => {});
      req.once('response', (res) => {
        res.resume();
        res.once('end', () => resolve(true));
      });
      req.once('close', () => {
        clearTimeout(timer);
        resolve(false);
      });
      req.end();
    });
  return { get, close: () => agent.destroy() };
}

/** The nearest rank, in milliseconds. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return Math.round(value * 100) / 100;
}
