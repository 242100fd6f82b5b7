import {
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import type { LoopLoad } from '../measured.js';

const resolutionMs = 5;

/** Watches the event loop of this process until the returned function is called. */
export function watchLoop(): () => LoopLoad {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  let collectingMs = 0;
  const add = (entries: readonly PerformanceEntry[]): void => {
    for (const { duration } of entries) collectingMs += duration;
  };
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  delay.enable();
  const start = performance.now();
  const utilization = performance.eventLoopUtilization();

  return () => {
    delay.disable();
    add(observer.takeRecords());
    observer.disconnect();
    // the histogram contains the interval of its own timer
    const late = (share: number): number => Math.max(0, round(delay.percentile(share) / 1e6 - resolutionMs));
    return {
      utilization: round(performance.eventLoopUtilization(utilization).utilization),
      collecting: Math.min(1, round(collectingMs / (performance.now() - start))),
      delayP50Ms: late(50),
      delayP99Ms: late(99),
    };
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
