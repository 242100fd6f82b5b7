/** The limits of a cluster where no option says otherwise. */
export const clusterDefaults = {
  startMs: 60_000,
  stuckMs: 30_000,
  maxFailedStarts: 10,
} as const;
