/** One query of a panel, with the name of its series. */
export interface PanelQuery {
  readonly expr: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** The unit, as Grafana names it. */
  readonly unit: string;
  readonly queries: readonly PanelQuery[];
}

export interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** What selects the series of a dashboard: its variables. */
const of = '{job="$job",instance=~"$instance"}';
const every = '[$__rate_interval]';

const requests = 'http_server_request_duration_seconds_count';

const panel = (title: string, unit: string, ...queries: (readonly [string, string])[]): Panel => ({
  title,
  unit,
  queries: queries.map(([expr, legend]) => ({ expr, legend })),
});

const quantile = (share: number, by = ''): string =>
  `histogram_quantile(${share}, sum by (le${by}) (rate(http_server_request_duration_seconds_bucket${of}${every})))`;

const rate = (metric: string, by: string): string => `sum by (${by}) (rate(${metric}${of}${every}))`;

const failed = requests.concat(of.replace('}', ',http_response_status_code=~"5.."}'));

/** The panels of the dashboard. A test sends each query to a Prometheus that scrapes a cluster. */
export const sections: readonly Section[] = [
  {
    title: 'Requests',
    panels: [
      panel('Requests by route', 'reqps', [rate(requests, 'http_route'), '{{http_route}}']),
      panel('Requests by status', 'reqps', [
        rate(requests, 'http_response_status_code'),
        '{{http_response_status_code}}',
      ]),
      panel('Share of responses with 5xx', 'percentunit', [
        `(sum(rate(${failed}${every})) or vector(0)) / sum(rate(${requests}${of}${every}))`,
        '5xx',
      ]),
      panel('Duration', 's', [quantile(0.5), 'p50'], [quantile(0.95), 'p95'], [quantile(0.99), 'p99']),
      panel('Duration by route, p95', 's', [quantile(0.95, ', http_route'), '{{http_route}}']),
      panel('In flight', 'short', [`sum(http_server_active_requests${of})`, 'requests']),
      panel('Errors by kind', 'reqps', [rate('http_server_errors_total', 'kind'), '{{kind}}']),
      panel('Refused by load shedding', 'reqps', [
        rate('productionize_requests_shed_total', 'reason'),
        '{{reason}}',
      ]),
      panel('Response cache', 'reqps', [rate('productionize_cache_requests_total', 'result'), '{{result}}']),
    ],
  },
  {
    title: 'Workers',
    panels: [
      panel(
        'Workers',
        'short',
        [`productionize_cluster_workers_target${of}`, '{{instance}} intended'],
        [`productionize_cluster_workers${of}`, '{{instance}} running'],
        [`productionize_cluster_workers_scraped${of}`, '{{instance}} responding'],
      ),
      panel(
        'Starts and deaths',
        'short',
        [`increase(productionize_cluster_worker_starts_total${of}${every})`, '{{instance}} starts'],
        [`increase(productionize_cluster_worker_deaths_total${of}${every})`, '{{instance}} deaths'],
      ),
      panel('CPU', 'short', [rate('process_cpu_seconds_total', 'instance'), '{{instance}}']),
    ],
  },
  {
    title: 'Node',
    panels: [
      panel(
        'Event loop delay of the worst worker',
        's',
        [`nodejs_eventloop_lag_p50_seconds${of}`, '{{instance}} p50'],
        [`nodejs_eventloop_lag_p99_seconds${of}`, '{{instance}} p99'],
      ),
      panel('Event loop utilization, mean', 'percentunit', [
        `nodejs_eventloop_utilization${of}`,
        '{{instance}}',
      ]),
      panel('Garbage collection', 'percentunit', [
        rate('nodejs_gc_duration_seconds_sum', 'kind'),
        '{{kind}}',
      ]),
      panel(
        'Memory of all workers',
        'bytes',
        [`process_resident_memory_bytes${of}`, '{{instance}} resident'],
        [`nodejs_heap_size_total_bytes${of}`, '{{instance}} heap'],
        [`nodejs_heap_size_used_bytes${of}`, '{{instance}} heap in use'],
      ),
      panel('Heap by space', 'bytes', [
        `sum by (space) (nodejs_heap_space_size_used_bytes${of})`,
        '{{space}}',
      ]),
      panel('Open file descriptors', 'short', [`process_open_fds${of}`, '{{instance}}']),
    ],
  },
];
