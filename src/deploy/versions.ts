import type { Check } from '../support/options.js';

/** The first version of each daemon that has a feature. A generator writes the form that its version has. */
export const featureVersions = {
  nginx: {
    /** The oldest version for which files are written. */
    oldest: '1.18',
    /** `http2 on;`; before it, a parameter of `listen`. */
    http2Directive: '1.25.1',
    /** Names of upstreams are resolved again while nginx runs. */
    resolve: '1.27.3',
    /** A reload leaves connections of clients open for a time, which may just send a request. */
    keepaliveMinTimeout: '1.27.4',
    /** Connections to upstreams are reused without `keepalive`, which can be 0. */
    keepaliveByDefault: '1.29.7',
  },
} as const;

interface Program {
  readonly name: string;
  /** The oldest version for which files are written. */
  readonly oldest: string;
  /** The first version with each feature that files for all versions use. */
  readonly uses: Readonly<Record<string, string>>;
}

/** What the generated files need in any case: no feature is younger than the oldest version. */
export const programs = {
  nginx: {
    name: 'nginx',
    oldest: featureVersions.nginx.oldest,
    uses: {
      'keepalive_timeout of an upstream': '1.15.3',
      'TLS 1.3': '1.13.0',
      proxy_cache_background_update: '1.11.10',
      use_temp_path: '1.7.10',
      proxy_cache_lock_age: '1.7.8',
      proxy_next_upstream_timeout: '1.7.5',
      'hash consistent': '1.7.2',
      proxy_cache_revalidate: '1.5.7',
    },
  },
  haproxy: {
    name: 'HAProxy',
    oldest: '2.4',
    uses: {
      'set-timeout': '2.4',
      'http-error': '2.2',
      'http-request return': '2.2',
      'http-check send': '2.2',
      'attributes of a cookie': '2.2',
      'retry-on': '2.0',
      'disable-l7-retry': '2.0',
      'ssl-min-ver': '1.8',
    },
  },
  systemd: {
    name: 'systemd',
    oldest: '247',
    uses: {
      ProtectProc: '247',
      OOMPolicy: '243',
      RestrictSUIDSGID: '242',
      WatchdogSignal: '240',
      LogRateLimitIntervalSec: '240',
      LogsDirectory: '235',
    },
  },
  dockerfile: {
    name: 'Docker',
    oldest: '17.09',
    uses: { 'stages with names': '17.05', 'start period of a health check': '17.05' },
  },
  kubernetes: {
    name: 'Kubernetes',
    oldest: '1.27',
    uses: {
      unhealthyPodEvictionPolicy: '1.27',
      'autoscaling/v2': '1.23',
      'policy/v1': '1.21',
      startupProbe: '1.20',
      seccompProfile: '1.19',
    },
  },
} as const satisfies Record<string, Program>;

/** The program of a target with its oldest version, such as `nginx 1.18`. */
export function oldestOf(target: keyof typeof programs): string {
  const { name, oldest } = programs[target];
  return `${name} ${oldest}`;
}

export type Daemon = keyof typeof featureVersions;

/** Whether a version of a daemon has a feature. */
export function hasFeature<D extends Daemon>(
  daemon: D,
  version: string,
  feature: keyof (typeof featureVersions)[D],
): boolean {
  return compareVersions(version, featureVersions[daemon][feature] as string) >= 0;
}

/** Accepts a version from the oldest on, such as `1.22` or `1.22.1`. */
export function isVersionOf(daemon: Daemon): Check {
  const { oldest } = featureVersions[daemon];
  return (value) =>
    typeof value === 'string' &&
    /^\d{1,4}(\.\d{1,4}){1,2}$/.test(value) &&
    compareVersions(value, oldest) >= 0
      ? undefined
      : `a version, ${oldest} or later`;
}

/** Compares two versions by their numbers, as `sort` expects it. */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < 3; i++) {
    const difference = (first[i] ?? 0) - (second[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
