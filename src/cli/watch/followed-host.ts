import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterStatus } from '../../process/cluster/control-protocol.js';
import type { Arguments } from '../command.js';
import { startOn } from '../hosts/host-process.js';
import type { RemoteTarget } from '../release/remote-target.js';
import { clusterStates } from '../running-cluster.js';
import type { StatusSource } from './status-source.js';

/** Milliseconds for the start of the program on the host. */
const startMs = 15_000;

/** The clusters of a host, as it reports them. */
export class FollowedHost {
  readonly source: StatusSource;
  /** The clusters of the last report. */
  clusters: readonly ClusterStatus[] | undefined;
  /** When that was, or when this began. */
  reportedAt = performance.now();
  /** Why there is no report now. */
  problem: string | undefined;
  readonly #onReport: () => void;

  constructor(source: StatusSource, onReport: () => void) {
    this.source = source;
    this.#onReport = onReport;
  }

  /** Follows the host until the signal aborts, also where it fails meanwhile. */
  async follow(args: Arguments, everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.source.remote === undefined) await this.#followLocal(args, everyMs, signal);
        else await this.#followRemote(this.source.remote, args, everyMs, signal);
      } catch (error) {
        this.#fail((error as Error).message);
      }
      await delay(everyMs, undefined, { signal }).catch(() => {});
    }
  }

  async #followLocal(args: Arguments, everyMs: number, signal: AbortSignal): Promise<void> {
    for await (const clusters of clusterStates(args, everyMs, signal)) this.#report(clusters);
  }

  async #followRemote(
    remote: RemoteTarget,
    { values }: Arguments,
    everyMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const flags = ['name', 'runtime-dir'].flatMap((name) =>
      values[name] === undefined ? [] : [`--${name}`, values[name] as string],
    );
    const node = (values['remote-node'] as string | undefined) ?? 'node';
    const host = { text: this.source.text, remote, inDirectory: true };
    const running = startOn(host, node, ['status', '--json', '--every', String(everyMs / 1000), ...flags]);
    let limit = setTimeout(running.kill, startMs);
    signal.addEventListener('abort', running.kill, { once: true });
    createInterface({ input: running.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      clearTimeout(limit);
      limit = setTimeout(running.kill, everyMs * 2 + startMs);
      this.#parse(line);
    });
    try {
      await running.ended;
    } finally {
      clearTimeout(limit);
      signal.removeEventListener('abort', running.kill);
    }
    this.#fail(running.reason() || 'ssh ended');
  }

  #parse(line: string): void {
    try {
      const clusters: unknown = JSON.parse(line);
      if (Array.isArray(clusters)) this.#report(clusters as ClusterStatus[]);
    } catch {
      this.#fail('what it prints is no status');
    }
  }

  #report(clusters: readonly ClusterStatus[]): void {
    this.clusters = clusters;
    this.reportedAt = performance.now();
    this.problem = undefined;
    this.#onReport();
  }

  #fail(reason: string): void {
    this.problem = reason;
  }
}
