import type { Check } from '../support/options.js';

/** The first version of each daemon that has a feature. A generator writes the form that its version has. */
export const featureVersions = {
  nginx: {
    /** The oldest version for which files are written. */
    oldest: '1.18',
    /** `http2 on;`; before it, a parameter of `listen`. */
    http2Directive: '1.25.1',
    /** Connections to upstreams are reused without `keepalive`, which can be 0. */
    keepaliveByDefault: '1.29.7',
  },
} as const;

export type Daemon = keyof typeof featureVersions;

/** Whether a version of a daemon has a feature. */
export function hasFeature<D extends Daemon>(
  daemon: D,
  version: string,
  feature: keyof (typeof featureVersions)[D],
): boolean {
  return compare(version, featureVersions[daemon][feature] as string) >= 0;
}

/** Accepts a version from the oldest on, such as `1.22` or `1.22.1`. */
export function isVersionOf(daemon: Daemon): Check {
  const { oldest } = featureVersions[daemon];
  return (value) =>
    typeof value === 'string' && /^\d{1,4}(\.\d{1,4}){1,2}$/.test(value) && compare(value, oldest) >= 0
      ? undefined
      : `a version, ${oldest} or later`;
}

function compare(a: string, b: string): number {
  const [first, second] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < 3; i++) {
    const difference = (first[i] ?? 0) - (second[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
