/** The defaults of a cluster; the times in milliseconds, the memory as a fraction of the limit of the control group. */
export const clusterDefaults = {
  startMs: 60_000,
  stuckMs: 30_000,
  maxFailedStarts: 10,
  maxMemory: 0.9,
  control: true,
} as const;
