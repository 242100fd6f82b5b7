import { getHeapSpaceStatistics } from 'node:v8';
import { byLabel, gauge, histogram } from '../../support/metrics/families.js';
import type { MetricFamily } from '../../support/metrics/metric-family.js';
import { gcBounds, measureLag, runtime, utilizationSinceLast } from './runtime-measures.js';

/** The metrics of Node, with the names, types and labels of prom-client, which dashboards for Node query. */
export function nodeFamilies(): MetricFamily[] {
  return [...loopFamilies(), ...activeFamilies(), ...memoryFamilies(), gcFamily(), versionFamily()];
}

function loopFamilies(): MetricFamily[] {
  const { lag, delay } = runtime;
  measureLag();
  const isMeasured = delay !== undefined && delay.max > 0;
  const seconds = (read: (measured: NonNullable<typeof delay>) => number): number =>
    isMeasured ? read(delay) / 1e9 : 0;
  const percentile = (percent: number) =>
    gauge(
      `nodejs_eventloop_lag_p${percent}_seconds`,
      `The ${percent}th percentile of the recorded event loop delays.`,
      seconds((measured) => measured.percentile(percent)),
      'max',
    );
  const families = [
    gauge('nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.', lag, 'max'),
    gauge(
      'nodejs_eventloop_lag_min_seconds',
      'The minimum recorded event loop delay.',
      seconds(({ min }) => min),
      'min',
    ),
    gauge(
      'nodejs_eventloop_lag_max_seconds',
      'The maximum recorded event loop delay.',
      seconds(({ max }) => max),
      'max',
    ),
    gauge(
      'nodejs_eventloop_lag_mean_seconds',
      'The mean of the recorded event loop delays.',
      seconds(({ mean }) => mean),
      'average',
    ),
    gauge(
      'nodejs_eventloop_lag_stddev_seconds',
      'The standard deviation of the recorded event loop delays.',
      seconds(({ stddev }) => stddev),
      'average',
    ),
    percentile(50),
    percentile(90),
    percentile(99),
    gauge(
      'nodejs_eventloop_utilization',
      'The utilization of the event loop since the last scrape, 0 to 1.',
      utilizationSinceLast(),
      'average',
    ),
  ];
  delay?.reset();
  return families;
}

function activeFamilies(): MetricFamily[] {
  const { _getActiveHandles: handles, _getActiveRequests: requests } = process as unknown as Record<
    string,
    (() => object[]) | undefined
  >;
  return [
    ...grouped(
      'nodejs_active_resources',
      'active resources that are currently keeping the event loop alive, grouped by async resource type.',
      'active resources.',
      process.getActiveResourcesInfo(),
    ),
    ...grouped(
      'nodejs_active_handles',
      'active libuv handles grouped by handle type. Every handle type is C++ class name.',
      'active handles.',
      namesOf(handles),
    ),
    ...grouped(
      'nodejs_active_requests',
      'active libuv requests grouped by request type. Every request type is C++ class name.',
      'active requests.',
      namesOf(requests),
    ),
  ];
}

function namesOf(list: (() => object[]) | undefined): string[] {
  return (list?.call(process) ?? []).map((each) => each?.constructor?.name ?? 'Object');
}

function grouped(name: string, help: string, totalHelp: string, types: readonly string[]): MetricFamily[] {
  const numbers = new Map<string, number>();
  for (const type of types) numbers.set(type, (numbers.get(type) ?? 0) + 1);
  return [
    gauge(name, `Number of ${help}`, byLabel('type', numbers)),
    gauge(`${name}_total`, `Total number of ${totalHelp}`, types.length),
  ];
}

function memoryFamilies(): MetricFamily[] {
  const { heapTotal, heapUsed, external } = process.memoryUsage();
  const spaces = getHeapSpaceStatistics();
  const space = (kind: string, read: (each: (typeof spaces)[number]) => number) =>
    gauge(
      `nodejs_heap_space_size_${kind}_bytes`,
      `Process heap space size ${kind} from Node.js in bytes.`,
      byLabel(
        'space',
        spaces.map((each) => [each.space_name.replace(/_space$/, ''), read(each)]),
      ),
    );
  return [
    gauge('nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.', heapTotal),
    gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.', heapUsed),
    gauge('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', external),
    space('total', ({ space_size }) => space_size),
    space('used', ({ space_used_size }) => space_used_size),
    space('available', ({ space_available_size }) => space_available_size),
  ];
}

export function gcFamily(): MetricFamily {
  return histogram(
    'nodejs_gc_duration_seconds',
    'Garbage collection duration by kind, one of major, minor, incremental or weakcb.',
    gcBounds,
    [...runtime.gc].map(([kind, durations]) => durations.sample({ kind })),
  );
}

function versionFamily(): MetricFamily {
  const { version } = process;
  const [major = '', minor = '', patch = ''] = version.slice(1).split('.');
  return gauge(
    'nodejs_version_info',
    'Node.js version info.',
    [{ labels: { version, major, minor, patch }, value: 1 }],
    'max',
  );
}
