import { dashboard } from '../observability/dashboard.js';
import { sections } from '../observability/queries.js';
import type { Target } from './target.js';

/** A dashboard for exactly the metrics of the app. */
export const grafana: Target = {
  summary: 'grafana.json: a dashboard for the metrics of the app, to import',
  since: 'Grafana 9',
  options: {},
  generate({ name }) {
    const text = `${JSON.stringify(dashboard(name, sections), undefined, 2)}\n`;
    return [{ name: 'grafana.json', comment: 'json', text }];
  },
  advice({ name }) {
    return [
      'The app serves its metrics with the option `metrics: true`, and `deploy prometheus` writes what Prometheus needs.',
      `Import the file in Grafana (Dashboards, New, Import) and select the Prometheus that scrapes the job ${name}.`,
    ];
  },
};
