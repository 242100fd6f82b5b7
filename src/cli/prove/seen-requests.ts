import type { InstanceEvent } from './instance-protocol.js';

/** What the instances have seen of one request. */
interface SeenRequest {
  /** How often it arrived. */
  times: number;
  /** The index of the instance that it arrived at last. */
  instance: number;
  address: string | null;
}

/** What all instances have seen of the requests of a proof. */
export class SeenRequests {
  readonly #requests = new Map<string, SeenRequest>();
  readonly #connections = new Set<string>();
  readonly #waiting = new Set<(event: InstanceEvent, instance: number) => void>();
  #arrived = 0;

  add(event: InstanceEvent, instance: number): void {
    if (event.kind !== 'listening') {
      const seen = this.#requests.get(event.id) ?? { times: 0, instance, address: null };
      this.#requests.set(event.id, seen);
      if (event.kind === 'request') {
        seen.times++;
        seen.instance = instance;
        this.#arrived++;
        this.#connections.add(`${instance}:${event.connection}`);
      } else seen.address = event.address;
    }
    for (const onEvent of this.#waiting) onEvent(event, instance);
  }

  of(id: string): Readonly<SeenRequest> | undefined {
    return this.#requests.get(id);
  }

  /** The number of requests that arrived so far, and of the connections on which they did. */
  get totals(): { readonly arrived: number; readonly connections: number } {
    return { arrived: this.#arrived, connections: this.#connections.size };
  }

  /** The number of requests that arrived more than once, of those whose id begins with a text. */
  repeated(prefix: string): number {
    return [...this.#requests].filter(([id, { times }]) => id.startsWith(prefix) && times > 1).length;
  }

  /** Resolves with `true` at the next event that matches, and with `false` at the time limit. */
  next(matches: (event: InstanceEvent, instance: number) => boolean, limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (found: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(onEvent);
        resolve(found);
      };
      const onEvent = (event: InstanceEvent, instance: number): void => {
        if (matches(event, instance)) settle(true);
      };
      const timer = setTimeout(settle, limitMs, false);
      this.#waiting.add(onEvent);
    });
  }
}
