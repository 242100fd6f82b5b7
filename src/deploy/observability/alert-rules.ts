import type { YamlMap } from '../containers/yaml.js';
import type { DeploymentFacts } from '../deployment-facts.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  /** How long the expression holds before the alert fires. */
  readonly during: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
  /** What to do. */
  readonly description: string;
}

const count = 'http_server_request_duration_seconds_count';

/** The alert rules of an app. Their thresholds follow its own limits where it has some. */
export function alertRules(facts: DeploymentFacts): YamlMap {
  return {
    groups: [
      {
        name: `express-productionize-${facts.name}`,
        rules: rules(facts).map(({ alert, expr, during, severity, summary, description }) => ({
          alert,
          expr,
          for: during,
          labels: { severity },
          annotations: { summary, description },
        })),
      },
    ],
  };
}

function rules({ name, responseTimeoutMs, memoryBytes }: DeploymentFacts): Rule[] {
  const of = (more = '') => `{job="${name}"${more}}`;
  const slowSeconds = responseTimeoutMs === null ? 1 : responseTimeoutMs / 2000;
  const memory: Rule[] =
    memoryBytes === null
      ? []
      : [
          {
            alert: 'ExpressMemory',
            expr: `process_resident_memory_bytes${of()} > ${Math.round(memoryBytes * 0.9)}`,
            during: '5m',
            severity: 'warning',
            summary: 'The workers on {{ $labels.instance }} use 90 % of their memory.',
            description:
              'At the limit the system ends a worker. Compare the heap in use with the resident memory.',
          },
        ];
  return [
    {
      alert: 'ExpressDown',
      expr: `up${of()} == 0`,
      during: '1m',
      severity: 'critical',
      summary: '{{ $labels.instance }} serves no metrics.',
      description: 'The app does not run, its option `metrics` is off, or a firewall is in between.',
    },
    {
      alert: 'ExpressErrors',
      expr: `sum by (job) (rate(${count}${of(',http_response_status_code=~"5.."')}[5m])) / sum by (job) (rate(${count}${of()}[5m])) > 0.05`,
      during: '5m',
      severity: 'critical',
      summary: '{{ $value | humanizePercentage }} of the responses of {{ $labels.job }} are 5xx.',
      description: 'The dashboard has the errors by kind and the requests by route.',
    },
    {
      alert: 'ExpressSlow',
      expr: `histogram_quantile(0.99, sum by (job, le) (rate(http_server_request_duration_seconds_bucket${of()}[5m]))) > ${slowSeconds}`,
      during: '10m',
      severity: 'warning',
      summary: 'One of 100 requests to {{ $labels.job }} takes {{ $value | humanizeDuration }} or more.',
      description: 'The dashboard has the duration by route, and the delay of the event loop.',
    },
    {
      alert: 'ExpressEventLoop',
      expr: `nodejs_eventloop_lag_p99_seconds${of()} > 0.2`,
      during: '5m',
      severity: 'warning',
      summary: 'A worker on {{ $labels.instance }} delays its requests by {{ $value | humanizeDuration }}.',
      description:
        'A function computes for too long. `express-productionize drill` and the part `syncIo` name it.',
    },
    {
      alert: 'ExpressWorkersMissing',
      expr: `productionize_cluster_workers_scraped${of()} < productionize_cluster_workers_target${of()}`,
      during: '2m',
      severity: 'critical',
      summary: 'Only {{ $value }} workers on {{ $labels.instance }} respond.',
      description: 'Workers are stuck or do not start. `express-productionize status` has their states.',
    },
    {
      alert: 'ExpressWorkerDeaths',
      expr: `increase(productionize_cluster_worker_deaths_total${of()}[15m]) > 2`,
      during: '0m',
      severity: 'warning',
      summary: 'Workers on {{ $labels.instance }} have died in the last 15 minutes.',
      description: 'The log has a line with the cause of each death.',
    },
    {
      alert: 'ExpressShedding',
      expr: `sum by (job) (rate(productionize_requests_shed_total${of()}[5m])) > 0`,
      during: '5m',
      severity: 'warning',
      summary: '{{ $labels.job }} refuses {{ $value | humanize }} requests per second.',
      description: 'The app is overloaded. Add workers or hosts, or find the route that became slow.',
    },
    {
      alert: 'ExpressFileDescriptors',
      expr: `process_open_fds${of()} / process_max_fds${of()} > 0.8`,
      during: '5m',
      severity: 'warning',
      summary: 'The workers on {{ $labels.instance }} have used 80 % of their file descriptors.',
      description: 'Connections or files are not closed, or the limit `nofile` is too low.',
    },
    ...memory,
  ];
}
