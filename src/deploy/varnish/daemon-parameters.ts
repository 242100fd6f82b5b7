import type { DeploymentFacts } from '../deployment-facts.js';
import { keepaliveSeconds } from '../proxy-target.js';

/** Arguments of `varnishd` for limits that a VCL cannot state. */
export function daemonParameters(facts: DeploymentFacts): string[] {
  return [
    // shorter than in the app: a request on a connection that the app closes fails
    ...parameter('backend_idle_timeout', Math.max(1, keepaliveSeconds(facts))),
    // a WebSocket is silent between two messages
    ...(facts.webSocketPaths.length > 0 ? parameter('pipe_timeout', 3600) : []),
  ];
}

function parameter(name: string, value: number): string[] {
  return ['-p', `${name}=${value}`];
}
