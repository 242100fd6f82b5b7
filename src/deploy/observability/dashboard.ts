import type { Panel, Section } from './queries.js';

/** The data source that Grafana requests when the dashboard is imported. */
const datasource = { type: 'prometheus', uid: `\${DS_PROMETHEUS}` };
const columns = 3;
const width = 24 / columns;
const height = 8;

/** A dashboard of Grafana, as JSON that its import accepts. */
export function dashboard(name: string, sections: readonly Section[]): object {
  return {
    __inputs: [
      {
        name: 'DS_PROMETHEUS',
        label: 'Prometheus',
        type: 'datasource',
        pluginId: 'prometheus',
        pluginName: 'Prometheus',
      },
    ],
    __requires: [
      { type: 'grafana', id: 'grafana', name: 'Grafana', version: '9.0.0' },
      { type: 'datasource', id: 'prometheus', name: 'Prometheus', version: '1.0.0' },
    ],
    title: name,
    uid: `productionize-${name}`.slice(0, 40),
    tags: ['express-productionize'],
    schemaVersion: 36,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [variable('job', 'up', name), variable('instance', 'up{job="$job"}')] },
    panels: placed(sections),
  };
}

/** A variable with the values of a label. Without a first value it selects all. */
function variable(label: string, metric: string, first?: string): object {
  const all = { text: 'All', value: '$__all' };
  const query = `label_values(${metric}, ${label})`;
  return {
    name: label,
    type: 'query',
    datasource,
    query: { query, refId: label },
    definition: query,
    refresh: 2,
    sort: 1,
    includeAll: first === undefined,
    multi: first === undefined,
    current: first === undefined ? all : { text: first, value: first },
    ...(first === undefined && { allValue: '.*' }),
  };
}

function placed(sections: readonly Section[]): object[] {
  let y = 0;
  let id = 0;
  return sections.flatMap(({ title, panels }) => {
    const row = {
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: 24, h: 1 },
      panels: [],
    };
    const charts = panels.map((panel, at) => {
      const line = Math.floor(at / columns);
      const gridPos = { x: (at % columns) * width, y: y + line * height, w: width, h: height };
      return { id: ++id, gridPos, ...chart(panel) };
    });
    y += Math.ceil(panels.length / columns) * height;
    return [row, ...charts];
  });
}

function chart({ title, unit, queries }: Panel): object {
  return {
    type: 'timeseries',
    title,
    datasource,
    fieldConfig: {
      defaults: { unit, min: 0, custom: { fillOpacity: 10, showPoints: 'never' } },
      overrides: [],
    },
    options: {
      tooltip: { mode: 'multi', sort: 'desc' },
      legend: { displayMode: 'list', placement: 'bottom' },
    },
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode(65 + at),
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}
