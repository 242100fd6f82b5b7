import { isPromise } from '../../support/is-promise.js';
import { counter, gauge, histogram } from '../../support/metrics/families.js';
import type { MetricFamily } from '../../support/metrics/metric-family.js';
import { isTotal } from '../../support/metrics/series.js';
import { processWide } from '../../support/process-wide.js';
import { requestRecorderKey } from '../../support/symbols.js';
import { withJoined } from './joined-registries.js';
import { gcFamily, nodeFamilies } from './node-metrics.js';
import { partFamilies } from './part-metrics.js';
import { cpuFamilies, processFamilies } from './process-metrics.js';
import { RequestRecorder } from './request-recorder.js';
import { durationBounds, sizeBounds } from './request-series.js';

/** The recorder of all apps of the process: two apps with the same route have one series. */
export const recorder = processWide(requestRecorderKey, () => new RequestRecorder());

/**
 * Returns the metrics of this process as plain data, with those of the registries of the app. With `totals`, they are
 * counters and histograms only: a worker sends these each second, and gauges describe the time since the last scrape.
 */
export function metricFamilies(which?: unknown): MetricFamily[] | Promise<MetricFamily[]> {
  if (which !== 'totals') return withJoined(ownFamilies());
  const own = [...requestFamilies(), ...partFamilies(), ...cpuFamilies(), gcFamily()];
  const totals = withJoined(own, 'totals');
  return isPromise(totals) ? totals.then((all) => all.filter(isTotal)) : totals.filter(isTotal);
}

/** Returns what this package measures. */
export function ownFamilies(): MetricFamily[] {
  return [...requestFamilies(), ...partFamilies(), ...processFamilies(), ...nodeFamilies()];
}

function requestFamilies(): MetricFamily[] {
  return [
    histogram(
      'http_server_request_duration_seconds',
      'Duration of requests, from their arrival to the end of their response.',
      durationBounds,
      recorder.durationSamples(),
    ),
    gauge('http_server_active_requests', 'Requests in flight.', recorder.activeSamples()),
    histogram(
      'http_server_response_body_size_bytes',
      'Size of the bodies of complete responses, as they were sent.',
      sizeBounds,
      recorder.sizeSamples(),
    ),
    counter(
      'http_server_aborted_requests_total',
      'Requests whose response was not sent completely.',
      recorder.abortedSamples(),
    ),
    counter('http_server_errors_total', 'Requests that failed, by kind.', recorder.errorSamples()),
  ];
}
