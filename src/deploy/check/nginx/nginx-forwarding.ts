import type { DeploymentFacts } from '../../deployment-facts.js';
import { type Forwarding, forwardedRules, type HeaderAction } from '../forwarded-rules.js';
import { type Block, mapOf, textOf } from './nginx-reader.js';
import { effective, hasIncludes, headerOf, type Route, routesOf } from './proxied-routes.js';

export const nginxForwardedRules = forwardedRules<Block>('nginx', forwardings, {
  overwriteFor: 'proxy_set_header X-Forwarded-For $remote_addr;',
  appendFor: 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
  proto: 'proxy_set_header X-Forwarded-Proto $scheme;',
  host: 'proxy_set_header X-Forwarded-Host $host;',
  forwarded: 'proxy_set_header Forwarded "";',
});

function forwardings(root: Block, facts: DeploymentFacts): Forwarding[] {
  return routesOf(root, facts).map((route) => {
    const isClients = (value: string) =>
      /^\$http_x_forwarded_\w+$/.test(value) ||
      /^\$http_x_forwarded_/.test(mapOf(root, value)?.args[0] ?? '');
    const proto = headerOf(route, 'X-Forwarded-Proto');
    const address = actionOf(route, 'X-Forwarded-For', isClients);
    return {
      place: { line: route.pass.line, text: textOf(route.pass) },
      for: address,
      proto: actionOf(route, 'X-Forwarded-Proto', isClients),
      host: actionOf(route, 'X-Forwarded-Host', isClients),
      forwarded: actionOf(route, 'Forwarded', isClients),
      isBehindProxy: address?.does === 'appends' && isClients(proto?.args[1] ?? ''),
      knowsClient: effective(route, 'real_ip_header') !== undefined,
      isPartial: hasIncludes(route),
    };
  });
}

function actionOf(
  route: Route,
  header: string,
  isClients: (value: string) => boolean,
): HeaderAction | undefined {
  const directive = headerOf(route, header);
  if (directive === undefined) return undefined;
  const value = directive.args[1] ?? '';
  const does = isClients(value)
    ? 'passes'
    : /\$(proxy_add_x_forwarded_for|http_x_forwarded_for)\b/.test(value)
      ? 'appends'
      : 'overwrites';
  return { does, line: directive.line, text: textOf(directive) };
}
