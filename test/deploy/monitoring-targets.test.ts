import { deploymentFiles } from '../../src/deploy/index.js';
import { sections } from '../../src/deploy/observability/queries.js';
import { hasOrigin, originOf } from '../../src/deploy/origin.js';
import { plainFacts } from '../helpers/facts.js';

const command = 'express-productionize deploy grafana "a b.js" --port=1';

describe('the dashboard of Grafana', () => {
  const [file] = deploymentFiles('grafana', plainFacts, {}, command).files;
  const text = file?.text ?? '';
  const dashboard = JSON.parse(text);

  it('states in its description where it comes from, and is recognized by it', () => {
    expect(dashboard.description).toMatch(
      /^Written by npx express-productionize deploy grafana "a b\.js" --port=1\nFacts /,
    );
    expect(hasOrigin(text)).toBe(true);
    expect(originOf(text)).toEqual({
      command,
      target: 'grafana',
      fingerprint: expect.stringMatching(/^[\da-f]{12}$/),
    });
    expect(hasOrigin(JSON.stringify({ description: dashboard.description }))).toBe(false);
    expect(hasOrigin('{\n  "description": "mine",\n  "title": "x"\n}\n')).toBe(false);
  });

  it('has each panel once, in a place of its own, with the data source of the import', () => {
    const titles = sections.flatMap(({ title, panels }) => [title, ...panels.map((panel) => panel.title)]);
    expect(dashboard.panels.map(({ title }: { title: string }) => title)).toEqual(titles);
    expect(new Set(dashboard.panels.map(({ id }: { id: number }) => id)).size).toBe(titles.length);
    const cells = dashboard.panels.flatMap(
      ({ gridPos: { x, y, w, h } }: { gridPos: Record<string, number> }) =>
        Array.from(
          { length: (w as number) * (h as number) },
          (_, at) =>
            `${(x as number) + (at % (w as number))} ${(y as number) + Math.floor(at / (w as number))}`,
        ),
    );
    expect(new Set(cells).size).toBe(cells.length);
    const [input] = dashboard.__inputs;
    expect(input).toMatchObject({ type: 'datasource', pluginId: 'prometheus' });
    const sources = [...text.matchAll(/"uid": "(\$[^"]*)"/g)].map(([, uid]) => uid);
    expect(new Set(sources)).toEqual(new Set([`\${${input.name}}`]));
  });
});

describe('the files of Prometheus', () => {
  const textsOf = (facts: object, options: object = {}) =>
    deploymentFiles('prometheus', { ...plainFacts, ...facts }, options).files.map(({ text }) => text);

  it('scrape the given addresses, and load the rules of the job', () => {
    const { files, advice } = deploymentFiles('prometheus', plainFacts, {
      scrape: ['10.0.0.1:9464', '[::1]:9464'],
    });
    const [config] = files;
    expect(files.map(({ name }) => name)).toEqual(['prometheus.yml', 'web.rules.yml']);
    expect(config?.text).toMatch(/rule_files:\n {2}- web\.rules\.yml\n/);
    expect(config?.text).toMatch(/ {4}job_name: web\n|- job_name: web\n/);
    expect(config?.text).toMatch(/targets:\n\s+- "10\.0\.0\.1:9464"\n\s+- "\[::1\]:9464"\n/);
    expect(advice.join(' ')).toContain('metrics: { host }');
    expect(deploymentFiles('prometheus', plainFacts).advice.join(' ')).not.toContain('metrics: { host }');
    expect(() => textsOf({}, { scrape: ['evil"\n:1'] })).toThrow('`scrape`');
  });

  it('have the limits of the app as thresholds', () => {
    const [, plain] = textsOf({});
    const [, limited] = textsOf({ responseTimeoutMs: 30_000, memoryBytes: 2 ** 30 });
    expect(plain).toMatch(/ExpressSlow\n\s+expr: .* > 1"/);
    expect(plain).not.toContain('ExpressMemory');
    expect(limited).toMatch(/ExpressSlow\n\s+expr: .* > 15"/);
    expect(limited).toMatch(/ExpressMemory\n\s+expr: .* > 966367642"/);
  });
});
