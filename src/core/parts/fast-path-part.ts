import { checkOptions } from '../../support/options.js';
import { installFastPath } from '../fast-path/index.js';
import { isBalancer, keepAliveTimeoutFor, limitsOf, setTimeouts } from '../fast-path/server-timeouts.js';
import { given, type Part } from './part.js';

export const fastPathPart: Part = {
  name: 'fastPath',
  reason:
    "routers pass over layers that cannot match; replaces res.json, res.send and the ETag function; servers construct requests and responses with the app's prototypes",
  setUp({ app, options }) {
    const { balancer } = checkOptions('fastPath', given(options.fastPath), { balancer: isBalancer });
    const limits = balancer && limitsOf(balancer);
    const fastPath = installFastPath(app);
    return {
      fastServer: true,
      facts: () => ({
        keepAliveTimeoutMs: keepAliveTimeoutFor(limits),
        ...(balancer && { balancer: typeof balancer === 'string' ? balancer : 'limits of the app' }),
      }),
      onServer: (server) => setTimeouts(server, limits),
      boot: () => fastPath.start(),
      undo: () => fastPath.undo(),
    };
  },
};
