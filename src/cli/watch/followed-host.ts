import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterStatus } from '../../process/cluster/control-protocol.js';
import type { Arguments } from '../command.js';
import { program, sshOptions, words } from '../release/remote.js';
import type { RemoteTarget } from '../release/remote-target.js';
import { clusterStates } from '../running-cluster.js';
import type { StatusSource } from './status-source.js';

/** ssh notices within 15 seconds that a host is gone. */
const aliveOptions = [
  '-o',
  'ConnectTimeout=10',
  '-o',
  'ServerAliveInterval=5',
  '-o',
  'ServerAliveCountMax=2',
];

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
    const status = words(node, program, 'status', '--json', '--every', String(everyMs / 1000), ...flags);
    // a directory of releases, or a project
    const command = `cd ${words(remote.directory)} && { cd current 2>/dev/null || :; } && exec ${status}`;
    const child = spawn('ssh', [...sshOptions, ...aliveOptions, '--', remote.destination, command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = (): void => void child.kill('SIGKILL');
    let limit = setTimeout(kill, startMs);
    let reason = '';
    signal.addEventListener('abort', kill, { once: true });
    // the first line: the trace of an error follows its message
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (reason === '' || /^\w*Error\b/.test(line)) reason = line;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      clearTimeout(limit);
      limit = setTimeout(kill, everyMs * 2 + startMs);
      this.#parse(line);
    });
    try {
      await once(child, 'close');
    } finally {
      clearTimeout(limit);
      signal.removeEventListener('abort', kill);
    }
    this.#fail(reason || 'ssh ended');
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
