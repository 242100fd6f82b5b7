/** The defaults of a cluster; the times in milliseconds. */
export const clusterDefaults = {
  startMs: 60_000,
  stuckMs: 30_000,
  maxFailedStarts: 10,
} as const;
