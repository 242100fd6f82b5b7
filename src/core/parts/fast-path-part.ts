import { installFastPath, keepAliveTimeout, nodeKeepAliveTimeout } from '../fast-path/index.js';
import type { Part } from './part.js';

export const fastPathPart: Part = {
  name: 'fastPath',
  reason:
    "routers pass over layers that cannot match; replaces res.json, res.send and the ETag function; servers construct requests and responses with the app's prototypes",
  setUp({ app }) {
    const fastPath = installFastPath(app);
    return {
      fastServer: true,
      facts: () => ({ keepAliveTimeoutMs: keepAliveTimeout }),
      onServer(server) {
        // a value that the app's own code set is left in place
        if (server.keepAliveTimeout === nodeKeepAliveTimeout) server.keepAliveTimeout = keepAliveTimeout;
      },
      boot: () => fastPath.start(),
      undo: () => fastPath.undo(),
    };
  },
};
