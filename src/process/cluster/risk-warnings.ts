import type { ErrorCode } from '../../support/errors.js';

/** What the primary says, once, about a risk that a worker saw. */
export const riskWarnings: Record<
  string,
  { readonly code: ErrorCode; readonly message: (workers: number) => string }
> = {
  'memory-sessions': {
    code: 'ERR_PRODUCTIONIZE_CLUSTER_SESSIONS',
    message: (workers) =>
      `Sessions are kept in memory (MemoryStore), and ${workers} workers share nothing: users are logged out at random. Use a store they share: connect-redis, connect-pg-simple or connect-mongo.`,
  },
  'memory-rate-limit': {
    code: 'ERR_PRODUCTIONIZE_CLUSTER_RATE_LIMIT',
    message: (workers) =>
      `A rate limit is counted in memory, so ${workers} workers allow ${workers} times as much. Use a store they share: rate-limit-redis, or @express-rate-limit/cluster-memory-store.`,
  },
  'socket.io-polling': {
    code: 'ERR_PRODUCTIONIZE_CLUSTER_POLLING',
    message: (workers) =>
      `socket.io polls, and its requests go to any of ${workers} workers, of which one knows the session. Choose: clients with transports: ['websocket'] only; a proxy that hashes the client's address to one worker each; or the option \`sticky\` of runCluster.`,
  },
};
