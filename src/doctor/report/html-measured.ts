import type { AuditReport } from '../audit-report.js';
import type { Measured } from '../measured.js';
import { html, type Markup } from './markup.js';
import { duration, visible } from './visible-text.js';

const mostRoutes = 12;

const explanations: Readonly<Record<Measured['heldBackBy'], string>> = {
  'event loop': 'requests wait until code of other requests has run',
  'I/O': 'requests wait for something outside of the process',
  'garbage collector': 'the process collects memory instead of responding',
  nothing: 'nothing stood out',
};

/** What was timed, with bars. It is no part of the score. */
export function measuredSection(
  { measured }: AuditReport,
  preview: AuditReport | undefined,
): Markup | undefined {
  if (measured === null) return undefined;
  const after = preview?.measured ?? undefined;
  const loops = [measured, ...(after ? [after] : [])];
  const slowest = [...measured.routes].sort((a, b) => b.p99Ms - a.p99Ms).slice(0, mostRoutes);
  return html`<section>
<h2>Measured</h2>
<p class="note">On this machine, with a few seconds of load. It differs from run to run, and is no part of the score.</p>
<p class="held"><b>${measured.heldBackBy}</b> holds the app back: ${explanations[measured.heldBackBy]}.</p>
<div class="charts">
${chart('Requests per second', [loops.map(({ requestsPerSecond }) => requestsPerSecond)], ['all routes'], String)}
${chart('Delay of the event loop, p99', [loops.map(({ eventLoop }) => eventLoop.delayP99Ms)], ['under load'], duration)}
${
  slowest.length > 0 &&
  chart(
    'Latency, p50 and p99',
    slowest.map(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]),
    slowest.map(({ route }) => visible(route)),
    duration,
    'latency',
  )
}
</div>
</section>`;
}

/** Horizontal bars, one group for each name. All have one scale. */
function chart(
  title: string,
  groups: readonly (readonly number[])[],
  names: readonly string[],
  format: (value: number) => string,
  kind = 'compared',
): Markup {
  const most = Math.max(...groups.flat(), Number.MIN_VALUE);
  const rows = groups.map(
    (values, i) => html`<div class="group"><span class="name">${names[i]}</span>
${values.map(
  (value, j) =>
    html`<span class="row"><svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/><rect class="series${j}" width="${Math.max(0.5, (100 * value) / most).toFixed(1)}" height="8"/></svg><span class="points">${format(value)}${kind === 'compared' && j === 1 && ' with the line'}</span></span>`,
)}</div>`,
  );
  return html`<figure class="chart ${kind}"><figcaption>${title}</figcaption>
${rows}
</figure>`;
}
