import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Arguments } from '../command.js';
import { argumentsOn, type Host } from '../hosts/host.js';
import { startOn } from '../hosts/host-process.js';
import { LocalClusters } from './local-clusters.js';
import type { TopCluster, TopHost } from './top-state.js';

/** Milliseconds for the start of the program on a host. */
const startMs = 15_000;

/** The states of all hosts. A host that fails has its last state, and a problem. */
export class FollowedHosts {
  readonly states: TopHost[];
  readonly #hosts: readonly (Host | undefined)[];
  readonly #args: Arguments;
  readonly #everyMs: number;
  readonly #onState: (state: TopHost) => void;

  constructor(
    hosts: readonly Host[] | undefined,
    args: Arguments,
    everyMs: number,
    onState: (state: TopHost) => void,
  ) {
    this.#hosts = hosts ?? [undefined];
    this.#args = args;
    this.#everyMs = everyMs;
    this.#onState = onState;
    this.states = this.#hosts.map((host) => ({ host: host?.text ?? null, clusters: [], problem: 'waiting' }));
  }

  /** Follows all hosts until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    await Promise.all(
      this.#hosts.map(async (host, i) => {
        while (!signal.aborted) {
          const failed = (reason: string) => this.#set(i, { problem: reason });
          await (host?.remote ? this.#remote(host, i, signal) : this.#local(i, signal)).catch(
            (error: Error) => failed(error.message),
          );
          await delay(this.#everyMs, undefined, { signal }).catch(() => {});
        }
      }),
    );
  }

  async #local(i: number, signal: AbortSignal): Promise<void> {
    const local = new LocalClusters(this.#args);
    while (!signal.aborted) {
      this.#set(i, { clusters: await local.next(), problem: null });
      await delay(this.#everyMs, undefined, { signal }).catch(() => {});
    }
  }

  async #remote(host: Host, i: number, signal: AbortSignal): Promise<void> {
    const { values } = this.#args;
    const every = String(this.#everyMs / 1000);
    const words = argumentsOn('top', { values: { ...values, every }, positionals: [], rest: [] });
    const running = startOn(host, (values['remote-node'] as string | undefined) ?? 'node', words);
    let limit = setTimeout(running.kill, startMs);
    signal.addEventListener('abort', running.kill, { once: true });
    createInterface({ input: running.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      clearTimeout(limit);
      limit = setTimeout(running.kill, this.#everyMs * 2 + startMs);
      try {
        const { clusters, problem } = JSON.parse(line) as TopHost;
        this.#set(i, { clusters, problem });
      } catch {
        this.#set(i, { clusters: [], problem: 'it runs another version of this program' });
      }
    });
    try {
      await running.ended;
    } finally {
      clearTimeout(limit);
      signal.removeEventListener('abort', running.kill);
    }
    throw new Error(running.reason() || 'ssh ended');
  }

  #set(
    i: number,
    state: { readonly clusters?: readonly TopCluster[]; readonly problem: string | null },
  ): void {
    const next = { ...(this.states[i] as TopHost), ...state };
    this.states[i] = next;
    this.#onState(next);
  }
}
