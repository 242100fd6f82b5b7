import type { HistogramSample, Labels, MetricFamily } from './metric-family.js';

/** The two text formats: Prometheus 0.0.4, and OpenMetrics 1.0, which the IANA has registered. */
const textType = 'text/plain; version=0.0.4; charset=utf-8';
const openType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/**
 * Writes metrics as the text that a scraper reads: OpenMetrics 1.0 where its `Accept` prefers that, Prometheus 0.0.4
 * for all others.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function expose(
  families: readonly MetricFamily[],
  accept: string | undefined,
): { contentType: string; body: string } {
  const open = prefersOpenMetrics(accept);
  let body = '';
  for (const family of families) body += familyText(family, open);
  return open ? { contentType: openType, body: `${body}# EOF\n` } : { contentType: textType, body };
}

function familyText(family: MetricFamily, open: boolean): string {
  const { name, help, type } = family;
  // OpenMetrics names the family without the suffix that each sample of a counter has
  const bare = open && type === 'counter' ? name.replace(/_total$/, '') : name;
  const sample = open && type === 'counter' ? `${bare}_total` : name;
  const head = `# HELP ${bare} ${escaped(help, open)}\n# TYPE ${bare} ${type}\n`;
  if (family.type !== 'histogram') {
    return head + family.samples.map(({ labels, value }) => line(sample, labels, value)).join('');
  }
  const bounds = family.bounds.map((bound) => (open ? canonical(bound) : String(bound)));
  return head + family.samples.map((series) => histogramText(name, [...bounds, '+Inf'], series)).join('');
}

function histogramText(name: string, bounds: readonly string[], series: HistogramSample): string {
  const { labels, counts, sum } = series;
  let text = '';
  let count = 0;
  for (const [index, le] of bounds.entries()) {
    count += counts[index] ?? 0;
    text += line(`${name}_bucket`, { ...labels, le }, count);
  }
  return text + line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, count);
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text, true)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${numberText(value)}\n`;
}

function escaped(text: string, quotes: boolean): string {
  const safe = text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
  return quotes ? safe.replace(/"/g, '\\"') : safe;
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/** The bound of a bucket is a label, so that OpenMetrics gives each number one form: `1.0`. */
function canonical(bound: number): string {
  return Number.isInteger(bound) && bound < 1e21 ? `${bound}.0` : String(bound);
}

/** Whether `Accept` has a higher quality for OpenMetrics than for plain text. */
function prefersOpenMetrics(accept: string | undefined): boolean {
  let open = 0;
  let plain = 0;
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = qualityOf(parameters);
    if (type === 'text/plain') plain = Math.max(plain, quality);
    if (type === 'application/openmetrics-text' && isVersion1(parameters)) open = Math.max(open, quality);
  }
  return open > 0 && open >= plain;
}

function qualityOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = given === undefined ? 1 : Number(given.slice(2));
  return quality >= 0 && quality <= 1 ? quality : 0;
}

function isVersion1(parameters: readonly string[]): boolean {
  const given = parameters.find((parameter) => parameter.startsWith('version='));
  return given === undefined || /^version="?1\.0\.0"?$/.test(given);
}
