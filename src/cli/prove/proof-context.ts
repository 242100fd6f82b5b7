import type {
  Agent,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestOptions,
} from 'node:http';
import type { DeploymentFacts } from '../../deploy/deployment-facts.js';
import { begin } from '../drill/drill-exchange.js';
import type { DrillContext } from '../drill/traffic.js';
import { idHeader } from './instance-protocol.js';
import type { ProvableProxy } from './provable-proxies.js';
import type { ProvedInstance } from './proved-instance.js';
import type { SeenRequests } from './seen-requests.js';

/** The paths that receive requests. */
export interface ProofPaths {
  readonly path: string;
  readonly upload: string | undefined;
}

/** What all checks of a proof share. */
export interface ProofContext {
  readonly facts: DeploymentFacts;
  readonly proxy: ProvableProxy;
  /** The options of the target that were given. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly paths: ProofPaths;
  readonly instances: readonly [ProvedInstance, ProvedInstance];
  readonly seen: SeenRequests;
  readonly end: AbortSignal;
  /** The addresses of the proxy and of the first instance. */
  readonly targets: { readonly proxy: DrillContext['target']; readonly direct: DrillContext['target'] };
}

/** Linux has all addresses of 127.0.0.0/8, so that clients and the proxy have different ones. */
const hasAddresses = process.platform === 'linux';
const clientAddress = (n: number): string => `127.0.0.${2 + (n % 32)}`;

/** The address of the client of {@link send}. */
export const ownAddress = hasAddresses ? clientAddress(0) : '127.0.0.1';

let requests = 0;

/** An id for a request, and a URL that no cache has a response for. */
export function fresh(path: string): { readonly id: string; readonly path: string } {
  const id = `proof-${++requests}`;
  return { id, path: `${path}${path.includes('?') ? '&' : '?'}${id}` };
}

/** Gives each request of the drill's traffic an id, an address of its own, and a URL that is not cached. */
export function trafficPreparation(isCached: boolean): (options: RequestOptions) => RequestOptions {
  return (options) => {
    const { method = 'GET', path = '/', headers, agent } = options;
    const { accept, upgrade } = Object(headers) as OutgoingHttpHeaders;
    const { id, path: unique } = fresh(path ?? '/');
    const isPage = method === 'GET' && accept === undefined && upgrade === undefined;
    return {
      ...options,
      path: isCached && isPage ? unique : path,
      headers: { ...(headers as OutgoingHttpHeaders), [idHeader]: `${method}-${id}` },
      // an agent keeps its connection, and so its address
      ...(hasAddresses && !agent ? { localAddress: clientAddress(requests) } : {}),
    };
  };
}

export interface ProofResponse {
  readonly id: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

interface SendOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly to?: 'proxy' | 'direct';
  readonly id?: string;
  readonly localAddress?: string;
  readonly agent?: Agent;
}

/** Sends one GET to the proxy, or directly to an instance, and reads its response. */
export async function send(
  { targets, end }: ProofContext,
  path: string,
  { to = 'proxy', id = fresh(path).id, headers, localAddress = ownAddress, agent }: SendOptions = {},
): Promise<ProofResponse> {
  const context = { target: targets[to], clients: 1, stop: end, end };
  const { req, head } = begin(context, {
    path,
    headers: { [idHeader]: id, ...headers },
    localAddress,
    ...(agent && { agent }),
  });
  req.end();
  const res = await head;
  await readSome(res);
  const { statusCode: status = 0 } = res;
  return { id, status, headers: res.headers };
}

/** Reads a response to its end, but not one that does not end. */
async function readSome(res: IncomingMessage): Promise<void> {
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    res.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= 2 ** 22) return;
      res.destroy();
      resolve();
    });
    res.once('end', resolve);
    res.once('error', reject);
  });
}

/** Resolves with the address that the app has seen of a request; `undefined` where none has arrived. */
export async function seenAddress({ seen }: ProofContext, id: string): Promise<string | null | undefined> {
  const known = () => seen.of(id)?.address;
  if (!known()) await seen.next((event) => event.kind === 'response' && event.id === id, 500);
  return known();
}

/** Resolves with the index of the instance that a request has reached. */
export async function seenInstance({ seen }: ProofContext, id: string): Promise<number | undefined> {
  if (!seen.of(id)) await seen.next((event) => event.kind === 'request' && event.id === id, 500);
  return seen.of(id)?.instance;
}
