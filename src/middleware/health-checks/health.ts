import cluster from 'node:cluster';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { quote } from '../../support/errors.js';
import { isPromise } from '../../support/is-promise.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import { withoutQuery } from '../../support/url-path.js';
import { type CheckResult, CheckRunner } from './check-runner.js';
import { type HealthChecksOptions, resolveHealth } from './health-options.js';
import { type LivenessThread, startLivenessThread } from './liveness-thread.js';
import { LoopLag } from './loop-lag.js';
import { isFromPrivateNetwork } from './private-network.js';

type Kind = 'live' | 'ready' | 'startup';

/** The health of one app, with the paths it answers. */
export class Health {
  readonly paths: ReadonlyMap<string, Kind>;
  /** The options, with the defaults filled in. */
  readonly settings: Required<HealthChecksOptions>;
  readonly #taken = new Set<string>();
  readonly #initials = new Set<number>();
  readonly #checks: readonly CheckRunner[];
  readonly #thread: LivenessThread | undefined;
  #lag: LoopLag | undefined;
  #started = false;
  #wasReady: boolean | undefined;

  constructor(options?: HealthChecksOptions) {
    this.settings = resolveHealth(options);
    const { livePath, readyPath, startupPath, checks, timeoutMs, cacheMs, livenessThread } = this.settings;
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
    this.#thread =
      livenessThread === false ? undefined : startLivenessThread(livePath || '/livez', livenessThread);
  }

  get livenessPort(): Promise<number> | undefined {
    return this.#thread?.port;
  }

  /** Leaves a path to the app. */
  leave(path: string): void {
    this.#taken.add(path);
  }

  /** Begins to measure the event loop. */
  start(): void {
    this.#lag ??= new LoopLag();
  }

  close(): void {
    this.#lag?.stop();
    this.#lag = undefined;
    this.#thread?.stop();
  }

  async ready(): Promise<boolean> {
    return (await this.#ask()).length === 0;
  }

  /** The checks that fail. */
  async #ask(): Promise<CheckResult[]> {
    return (await Promise.all(this.#checks.map((check) => check.ask()))).filter(({ ok }) => !ok);
  }

  /** What a request asks for, where it is a probe. */
  probed({ url = '', method }: IncomingMessage): Kind | undefined {
    // most requests end here
    if (!this.#initials.has(url.charCodeAt(1))) return undefined;
    const path = withoutQuery(url);
    if ((method !== 'GET' && method !== 'HEAD') || this.#taken.has(path)) return undefined;
    return this.paths.get(path);
  }

  answer(kind: Kind, req: IncomingMessage, res: ServerResponse, lives: Iterable<Lifecycle>): void {
    const verdict = this.#verdict(kind, [...lives]);
    if (!isPromise(verdict)) this.#send(req, res, verdict);
    else void verdict.then((later) => this.#send(req, res, later));
  }

  #verdict(kind: Kind, lives: readonly Lifecycle[]): Verdict | Promise<Verdict> {
    const states = lives.map(({ state }) => state);
    if (kind === 'live') return { ok: true, status: 'ok' };
    if (kind === 'startup' && this.#started) return { ok: true, status: 'ok' };
    if (states.includes('draining')) return { ok: false, status: 'draining' };
    if (states.includes('starting')) return { ok: false, status: 'starting' };
    const since = Math.min(...lives.map(({ shedding }) => shedding.since ?? Infinity));
    if (kind === 'ready' && performance.now() - since >= this.settings.sheddingMs) {
      return { ok: false, status: 'overloaded' };
    }
    if (this.#checks.length === 0) return this.#judge([], []);
    return Promise.all(this.#checks.map((check) => check.ask())).then((results) =>
      this.#judge(
        results,
        results.filter(({ ok }) => !ok),
      ),
    );
  }

  #judge(results: readonly CheckResult[], failing: readonly CheckResult[]): Verdict {
    const ok = failing.length === 0;
    if (ok) this.#started = true;
    if (this.#wasReady !== ok && (this.#wasReady !== undefined || !ok)) this.#tell(ok, failing);
    this.#wasReady = ok;
    return { ok, status: ok ? 'ok' : 'failing', results };
  }

  /** What fails in the app's own function is told, and costs no probe its answer. */
  #tell(ready: boolean, failing: readonly CheckResult[]): void {
    const told = async (): Promise<void> => this.settings.onChange(ready, failing);
    told().catch((error) => {
      process.emitWarning(`healthChecks: onChange failed: ${quote(error)}`, 'ProductionizeWarning');
    });
  }

  #send(req: IncomingMessage, res: ServerResponse, { ok, status, results }: Verdict): void {
    if (res.headersSent || res.destroyed) return;
    const lagMs = this.#lag?.ms ?? 0;
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
    try {
      return details === 'private' ? isFromPrivateNetwork(req) : details(req) === true;
    } catch {
      return false;
    }
  }
}

interface Verdict {
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
