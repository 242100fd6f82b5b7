import { getOrCreate } from '../../../support/get-or-create.js';
import type { DeploymentFacts } from '../../deployment-facts.js';
import { type Block, type Directive, everyDirective, named } from './nginx-reader.js';

/** A place that passes requests to an app. */
export interface Route {
  readonly pass: Directive;
  /** The blocks around it, the innermost first. */
  readonly chain: readonly Block[];
  /** The block `upstream` that it names. */
  readonly upstream?: Directive;
  /** The addresses; empty where a variable or an unknown name stands for them. */
  readonly servers: readonly Directive[];
}

/** The routes to the app: those to its port, else those to the upstream of `/`. */
export function routesOf(root: Block, { port }: DeploymentFacts): readonly Route[] {
  const byPort = getOrCreate(known, root, () => new Map<number, readonly Route[]>());
  return getOrCreate(byPort, port, () => findRoutes(root, port));
}

/** Each rule looks for the same routes. */
const known = new WeakMap<Block, Map<number, readonly Route[]>>();

function findRoutes(root: Block, port: number): Route[] {
  const all = everyDirective(root);
  const upstreams = new Map(
    all.filter(({ name, block }) => name === 'upstream' && block).map((each) => [each.args[0] ?? '', each]),
  );
  const routes = passesIn(root).flatMap(({ pass, chain }): Route[] => {
    if (chain.some(({ head }) => head?.name === 'stream')) return [];
    const [, host = ''] = /^https?:\/\/([^/]+)/.exec(pass.args[0] ?? '') ?? [];
    const upstream = upstreams.get(host);
    const servers = upstream?.block && named(upstream.block, 'server');
    const direct = host === '' || host.includes('$') ? [] : [{ ...pass, args: [host] }];
    return [{ pass, chain, upstream, servers: servers ?? direct }];
  });
  const own = routes.filter(({ servers }) => servers.some((server) => portOf(server) === port));
  if (own.length > 0) return own;
  const site = routes.find(({ chain }) => locationOf(chain) === '/') ?? routes[0];
  return routes.filter((route) => targetOf(route) === targetOf(site as Route));
}

const targetOf = ({ pass }: Route): string => pass.args[0]?.replace(/^(\w+:\/\/[^/]*).*$/, '$1') ?? '';

const locationOf = (chain: readonly Block[]): string | undefined =>
  chain.find(({ head }) => head?.name === 'location')?.head?.args.at(-1);

function passesIn(block: Block, outer: readonly Block[] = []): { pass: Directive; chain: Block[] }[] {
  const chain = [block, ...outer];
  return block.directives.flatMap((directive) =>
    directive.name === 'proxy_pass'
      ? [{ pass: directive, chain }]
      : directive.block
        ? passesIn(directive.block, chain)
        : [],
  );
}

/** The port of a server; `undefined` for a socket in the file system. */
export function portOf({ args }: Directive): number | undefined {
  const [address = ''] = args;
  if (address.startsWith('unix:')) return undefined;
  return Number(/:(\d+)$/.exec(address)?.[1] ?? 80);
}

/** The directive that applies to a route: an inner block replaces that of an outer one. */
export function effective({ chain }: Pick<Route, 'chain'>, name: string): Directive | undefined {
  return lists({ chain }, name).at(-1);
}

/** Directives that can stand several times. Those of an inner block replace all of an outer one. */
export function lists({ chain }: Pick<Route, 'chain'>, name: string): readonly Directive[] {
  for (const block of chain) {
    const found = named(block, name);
    if (found.length > 0) return found;
  }
  return [];
}

/** The `proxy_set_header` line of a header. */
export function headerOf(route: Route, header: string): Directive | undefined {
  return lists(route, 'proxy_set_header').findLast(
    ({ args }) => args[0]?.toLowerCase() === header.toLowerCase(),
  );
}

/** Whether included files, which are not read, can add directives: what seems to be missing may be there. */
export function hasIncludes({ chain }: Route): boolean {
  return chain.some((block) =>
    named(block, 'include').some(({ args }) => !/mime\.types$/.test(args[0] ?? '')),
  );
}

/** Milliseconds of a time such as `75s` or `1h30m`. */
export function timeOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:\d+(?:ms|[smhdwMy])?)+$/.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = {
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
    w: 604_800_000,
    M: 2_592_000_000,
    y: 31_536_000_000,
  };
  return [...text.matchAll(/(\d+)(ms|[smhdwMy])?/g)].reduce(
    (sum, [, digits, unit = 's']) => sum + Number(digits) * (units[unit] as number),
    0,
  );
}

/** Bytes of a size such as `10m`. */
export function sizeOf(text: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d+)([kmg]?)$/i.exec(text ?? '') ?? [];
  return digits === undefined
    ? undefined
    : Number(digits) * 1024 ** ' kmg'.indexOf(unit.toLowerCase() || ' ');
}
