import { readdirSync, readFileSync } from 'node:fs';
import { attempt } from '../../support/attempt.js';
import { counter, gauge } from '../../support/metrics/families.js';
import type { MetricFamily } from '../../support/metrics/metric-family.js';
import { unobserved } from '../../support/unobserved.js';

const startedAt = Date.now() / 1000 - process.uptime();

/** The metrics of any process, with the names that Prometheus advises; on Linux all of them. */
export function processFamilies(): MetricFamily[] {
  return [
    ...cpuFamilies(),
    gauge(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      startedAt,
      'min',
    ),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', process.memoryUsage.rss()),
    ...(process.platform === 'linux' ? (unobserved(linuxFamilies) ?? []) : []),
  ];
}

/** The CPU time, the only one of these metrics that is a total. */
export function cpuFamilies(): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  return [
    counter('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.', user / 1e6),
    counter('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.', system / 1e6),
    counter(
      'process_cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      (user + system) / 1e6,
    ),
  ];
}

/** The files below `/proc` are in memory, so that reading them does not block. */
function linuxFamilies(): MetricFamily[] {
  const status = attempt(() => readFileSync('/proc/self/status', 'utf8'), '');
  const limits = attempt(() => readFileSync('/proc/self/limits', 'utf8'), '');
  const open = attempt(() => readdirSync('/proc/self/fd').length - 1);
  const kilobytes = (name: string) => numberIn(status, new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'), 1024);
  return [
    ...known('process_virtual_memory_bytes', 'Virtual memory size in bytes.', kilobytes('VmSize')),
    ...known('process_heap_bytes', 'Process heap size in bytes.', kilobytes('VmData')),
    ...known('process_open_fds', 'Number of open file descriptors.', open),
    ...known(
      'process_max_fds',
      'Maximum number of open file descriptors.',
      numberIn(limits, /^Max open files\s+(\d+)/m),
    ),
  ];
}

function known(name: string, help: string, value: number | undefined): MetricFamily[] {
  return value === undefined ? [] : [gauge(name, help, value)];
}

function numberIn(text: string, pattern: RegExp, unit = 1): number | undefined {
  const [, digits] = pattern.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * unit;
}
