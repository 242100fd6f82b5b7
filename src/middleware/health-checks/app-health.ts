import cluster from 'node:cluster';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { attempt } from '../../support/attempt.js';
import { quote } from '../../support/errors.js';
import { isPromise } from '../../support/is-promise.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import { isFromPrivateNetwork } from '../../support/private-network.js';
import { withoutQuery } from '../../support/url-path.js';
import { type CheckResult, CheckRunner } from './check-runner.js';
import { type HealthChecksOptions, resolveHealth } from './health-options.js';
import { type LivenessThread, startLivenessThread } from './liveness-thread.js';
import { loopLagMs, measureLoopLag } from './loop-lag.js';

type Kind = 'live' | 'ready' | 'startup';

/** The health of one app, with the paths of its probes. */
export class Health {
  readonly paths: ReadonlyMap<string, Kind>;
  /** The options, with the defaults filled in. */
  readonly settings: Required<HealthChecksOptions>;
  readonly #excluded = new Set<string>();
  readonly #initials = new Set<number>();
  readonly #checks: readonly CheckRunner[];
  #thread: LivenessThread | undefined;
  #stopLag: (() => void) | undefined;
  #started = false;
  #wasReady: boolean | undefined;

  constructor(options?: HealthChecksOptions) {
    this.settings = resolveHealth(options);
    const { livePath, readyPath, startupPath, checks, timeoutMs, cacheMs } = this.settings;
    const paths = new Map<string, Kind>();
    if (livePath !== false) paths.set(livePath, 'live');
    if (readyPath !== false) paths.set(readyPath, 'ready');
    if (startupPath !== false) paths.set(startupPath, 'startup');
    for (const path of paths.keys()) this.#initials.add(path.charCodeAt(1));
    this.paths = paths;
    this.#checks = Object.entries(checks).map(([name, entry]) =>
      typeof entry === 'function'
        ? new CheckRunner(name, entry, timeoutMs, cacheMs)
        : new CheckRunner(name, entry.check, entry.timeoutMs ?? timeoutMs, cacheMs),
    );
    this.#startThread();
  }

  #startThread(): void {
    const { livePath, livenessThread } = this.settings;
    if (livenessThread) this.#thread ??= startLivenessThread(livePath || '/livez', livenessThread);
  }

  get livenessPort(): Promise<number> | undefined {
    return this.#thread?.port;
  }

  /** Excludes a path, so that a route of the app responds to it. */
  exclude(path: string): void {
    this.#excluded.add(path);
  }

  /** Starts to measure the event loop delay, and the thread again after `close`. */
  start(): void {
    this.#stopLag ??= measureLoopLag();
    this.#startThread();
  }

  close(): void {
    this.#stopLag?.();
    this.#stopLag = undefined;
    this.#thread?.stop();
    this.#thread = undefined;
  }

  async ready(): Promise<boolean> {
    return (await this.#failing()).length === 0;
  }

  /** The results of the checks that fail. */
  async #failing(): Promise<CheckResult[]> {
    return (await Promise.all(this.#checks.map((check) => check.run()))).filter(({ ok }) => !ok);
  }

  /** Returns the kind of probe that a request is, or `undefined` for other requests. */
  probed({ url = '', method }: IncomingMessage): Kind | undefined {
    // most requests are excluded by this comparison
    if (!this.#initials.has(url.charCodeAt(1))) return undefined;
    const path = withoutQuery(url);
    if ((method !== 'GET' && method !== 'HEAD') || this.#excluded.has(path)) return undefined;
    return this.paths.get(path);
  }

  respond(kind: Kind, req: IncomingMessage, res: ServerResponse, lives: Iterable<Lifecycle>): void {
    const result = this.#evaluate(kind, [...lives]);
    if (!isPromise(result)) this.#send(req, res, result);
    else void result.then((later) => this.#send(req, res, later));
  }

  #evaluate(kind: Kind, lives: readonly Lifecycle[]): ProbeResult | Promise<ProbeResult> {
    const states = lives.map(({ state }) => state);
    if (kind === 'live') return { ok: true, status: 'ok' };
    if (kind === 'startup' && this.#started) return { ok: true, status: 'ok' };
    if (states.includes('draining')) return { ok: false, status: 'draining' };
    if (states.includes('starting')) return { ok: false, status: 'starting' };
    const since = Math.min(...lives.map(({ shedding }) => shedding.since ?? Infinity));
    if (kind === 'ready' && performance.now() - since >= this.settings.sheddingMs) {
      return { ok: false, status: 'overloaded' };
    }
    if (this.#checks.length === 0) return this.#conclude([], []);
    return Promise.all(this.#checks.map((check) => check.run())).then((results) =>
      this.#conclude(
        results,
        results.filter(({ ok }) => !ok),
      ),
    );
  }

  #conclude(results: readonly CheckResult[], failing: readonly CheckResult[]): ProbeResult {
    const ok = failing.length === 0;
    if (ok) this.#started = true;
    if (this.#wasReady !== ok && (this.#wasReady !== undefined || !ok)) this.#notify(ok, failing);
    this.#wasReady = ok;
    return { ok, status: ok ? 'ok' : 'failing', results };
  }

  /** Calls `onChange`. An error in it results in a warning, and the probe still gets its response. */
  #notify(ready: boolean, failing: readonly CheckResult[]): void {
    const notify = async (): Promise<void> => this.settings.onChange(ready, failing);
    notify().catch((error) => {
      process.emitWarning(`healthChecks: onChange failed: ${quote(error)}`, 'ProductionizeWarning');
    });
  }

  #send(req: IncomingMessage, res: ServerResponse, { ok, status, results }: ProbeResult): void {
    if (res.headersSent || res.destroyed) return;
    const lagMs = this.#stopLag ? loopLagMs() : 0;
    const degraded = ok && lagMs >= this.settings.degradedMs;
    const shown = { status: degraded ? 'degraded' : status };
    const body = JSON.stringify(this.#admits(req) ? { ...shown, ...detailsOf(results, lagMs) } : shown);
    res.writeHead(ok ? 200 : 503, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    res.end(req.method === 'HEAD' ? undefined : body);
  }

  #admits(req: IncomingMessage): boolean {
    const { details, adminPort } = this.settings;
    if (adminPort !== 0 && req.socket.localPort === adminPort) return true;
    if (typeof details === 'boolean') return details;
    return attempt(() => (details === 'private' ? isFromPrivateNetwork(req) : details(req) === true), false);
  }
}

interface ProbeResult {
  readonly ok: boolean;
  readonly status: string;
  readonly results?: readonly CheckResult[];
}

function detailsOf(results: readonly CheckResult[] | undefined, eventLoopLagMs: number): object {
  const checks = results?.map(({ name, ...result }) => [name, result] as const) ?? [];
  return {
    pid: process.pid,
    ...(cluster.isWorker && { worker: cluster.worker?.id }),
    uptimeS: Math.round(process.uptime()),
    eventLoopLagMs,
    ...(checks.length > 0 && { checks: Object.fromEntries(checks) }),
  };
}
