import {
  constants,
  type EventLoopUtilization,
  monitorEventLoopDelay,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import { attachShared } from '../../support/attachment.js';
import { processWide } from '../../support/process-wide.js';
import { runtimeMeasuresKey } from '../../support/symbols.js';
import { Distribution } from './distribution.js';

export const gcBounds = [0.001, 0.01, 0.1, 1, 2, 5];

const kindNames = new Map<number | undefined, string>([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** What has to be measured all the time, and not only when metrics are collected. */
interface RuntimeMeasures {
  readonly gc: Map<string, Distribution>;
  delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
  /** Seconds that a turn of the event loop took to begin, measured at the last collection. */
  lag: number;
  utilization: EventLoopUtilization;
}

export const runtime = processWide<RuntimeMeasures>(runtimeMeasuresKey, () => ({
  gc: new Map(),
  delay: undefined,
  lag: 0,
  utilization: performance.eventLoopUtilization(),
}));

/** Starts the measures, once for all users of the process. They do not keep it alive. Returns their undo. */
export function measureRuntime(): () => void {
  return attachShared(runtime, 'running', () => {
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    runtime.delay = delay;
    runtime.utilization = performance.eventLoopUtilization();
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) countCollection(entry);
    });
    observer.observe({ entryTypes: ['gc'] });
    return () => {
      observer.disconnect();
      delay.disable();
      runtime.delay = undefined;
    };
  });
}

function countCollection(entry: object): void {
  const { detail, duration } = entry as { detail?: { readonly kind?: number }; duration: number };
  const kind = kindNames.get(detail?.kind);
  if (kind === undefined) return;
  let durations = runtime.gc.get(kind);
  if (durations === undefined) {
    durations = new Distribution(gcBounds);
    runtime.gc.set(kind, durations);
  }
  durations.add(duration / 1000);
}

/** The utilization of the event loop since the last call. */
export function utilizationSinceLast(): number {
  const now = performance.eventLoopUtilization();
  const { utilization } = performance.eventLoopUtilization(now, runtime.utilization);
  runtime.utilization = now;
  return utilization;
}

/** Measures the lag for the next collection, as prom-client does. */
export function measureLag(): void {
  const from = performance.now();
  setImmediate(() => {
    runtime.lag = (performance.now() - from) / 1000;
  }).unref();
}
