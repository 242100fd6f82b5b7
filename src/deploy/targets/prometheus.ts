import { yaml } from '../containers/yaml.js';
import { alertRules } from '../observability/alert-rules.js';
import { listOption } from '../target-options.js';
import { isAddressList } from '../values.js';
import type { Target } from './target.js';

/** Options of the target `prometheus`. */
export interface PrometheusOptions {
  /** The address of the metrics on each host. @default ['127.0.0.1:9464'] */
  readonly scrape?: readonly string[];
}

/** What Prometheus scrapes, and the alerts for exactly these metrics. */
export const prometheus: Target<PrometheusOptions> = {
  summary: 'prometheus.yml and alert rules for the metrics of the app',
  since: 'Prometheus 2.0',
  options: {
    scrape: listOption(
      '<addresses>',
      'host:port of the metrics on each host; default: 127.0.0.1:9464',
      isAddressList,
    ),
  },
  generate(facts, { scrape = ['127.0.0.1:9464'] }) {
    const rules = `${facts.name}.rules.yml`;
    const config = yaml({
      global: { scrape_interval: '15s', evaluation_interval: '15s' },
      rule_files: [rules],
      scrape_configs: [
        {
          job_name: facts.name,
          '# the primary of a cluster waits for a worker that is stuck for 600 ms at most': true,
          scrape_timeout: '5s',
          static_configs: [{ targets: [...scrape] }],
        },
      ],
    });
    return [
      { name: 'prometheus.yml', comment: '#', text: config },
      { name: rules, comment: '#', text: yaml(alertRules(facts)) },
    ];
  },
  advice({ name }, { scrape = [] }) {
    const advice = [
      'The app serves its metrics with the option `metrics: true`.',
      `Check both files by \`promtool check config prometheus.yml\`. Where Prometheus has a configuration, copy the job ${name} and the line of \`rule_files\` into it.`,
    ];
    if (scrape.some((address) => !/^(127\.|localhost:|\[::1\])/.test(address))) {
      advice.push(
        'The metrics are served on 127.0.0.1 only: set `metrics: { host }` to the address in the private network.',
      );
    }
    return advice;
  },
};
