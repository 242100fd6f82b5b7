import { attempt } from '../../../support/attempt.js';
import type { Directive } from './nginx-reader.js';
import type { Route } from './proxied-routes.js';

/** The route that nginx selects for a path, among the routes to the app. */
export function routeOfPath(routes: readonly Route[], path: string): Route | undefined {
  const located = routes.map((route) => ({ route, location: locationOf(route) }));
  const matching = located.filter(({ location }) => location && matches(location, path));
  const rank = (location: Directive | undefined): number => {
    const [first = '', second = ''] = location?.args ?? [];
    if (first === '=') return 1e6;
    if (first === '^~') return 1e5 + second.length;
    return first.startsWith('~') ? 1e4 : first.length;
  };
  const [best] = matching.sort((one, two) => rank(two.location) - rank(one.location));
  return (best ?? located.find(({ location }) => location === undefined))?.route;
}

const locationOf = ({ chain }: Route): Directive | undefined =>
  chain.find(({ head }) => head?.name === 'location')?.head;

function matches({ args }: Directive, path: string): boolean {
  const [first = '', second = ''] = args;
  if (first === '=') return path === second;
  if (first === '^~') return path.startsWith(second);
  if (!first.startsWith('~')) return path.startsWith(first);
  const flags = first === '~*' ? 'i' : '';
  return attempt(() => new RegExp(second, flags).test(path), false);
}
