/** The middle one of some numbers, or the mean of the middle two. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
}

export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * How many times less CPU `costs` are than `baseline`, from pairs of the same round only: what slows the whole machine
 * for a while slows both.
 */
export function ratio(costs, baseline) {
  return spread(costs.map((cost, round) => baseline[round] / cost));
}

/** What `costs` are above `baseline`, from pairs of the same round. */
export function difference(costs, baseline) {
  return spread(costs.map((cost, round) => cost - baseline[round]));
}

/** The order of a round: every variant once, another one first each time. */
export function rotated(items, round, rounds) {
  const first = Math.floor((items.length * round) / rounds);
  return [...items.slice(first), ...items.slice(0, first)];
}

/** Who is measured when, by turns of one second: from the first to the last, then back. */
export function turnsOf(items, seconds) {
  const passes = Array.from({ length: Math.ceil(seconds) }, (_, pass) =>
    pass % 2 === 0 ? items : items.toReversed(),
  );
  return passes.flat();
}

/** The least value that a share of all values does not exceed. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1];
}
