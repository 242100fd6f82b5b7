import type { AuditReport } from '../audit-report.js';
import type { RouteFacts } from '../route-facts.js';
import type { TimeoutStep } from '../timeout-chain.js';
import { html, Markup } from './markup.js';
import { duration, visible } from './visible-text.js';

const mostRoutes = 50;

/** The timeouts as one line from the client to the orchestrator, red where the order is wrong. */
export function timeoutsSection(report: AuditReport, preview: AuditReport | undefined): Markup | undefined {
  if (report.timeouts.length === 0) return undefined;
  return html`<section>
<h2>Timeouts</h2>
<p class="note">A request and a shutdown pass these in this order. Each must end before the one outside of it; idle connections end at the proxy first.</p>
${preview && html`<h3>As it is</h3>`}
${chain(report.timeouts)}
${preview && html`<h3>With productionize(app)</h3>\n${chain(preview.timeouts)}`}
</section>`;
}

function chain(steps: readonly TimeoutStep[]): Markup {
  return html`<ol class="chain">
${steps.map(
  ({
    name,
    ms,
    text,
    usual,
    fault,
  }) => html`<li class="${fault !== null ? 'wrong' : ms === null || usual ? 'assumed' : 'right'}">
<b>${name}</b> <span class="time">${ms === null ? '–' : duration(ms)}</span>
<span class="what">${text}${usual && ', usually'}</span>
${fault !== null && html`<span class="fault">${visible(fault)}</span>`}</li>`,
)}
</ol>`;
}

/** How each route responded. */
export function routesSection(
  { routes, measured }: AuditReport,
  preview: AuditReport | undefined,
): Markup | undefined {
  if (routes.length === 0) return undefined;
  const times = measured === null ? [] : ['p50', 'p99'];
  const heads = ['Route', 'Status', 'Size', 'Encoding', 'Cache-Control', ...times, 'Faults'];
  const rows = routes.slice(0, mostRoutes).map((facts) => {
    const after = preview?.routes.find(({ route }) => route === facts.route);
    const timed = measured?.routes.find(({ route }) => route === facts.route);
    const cells = [
      ...([statusOf, sizeOf, encodingOf, cachingOf] as const).map((cell) =>
        beforeAndAfter(cell, facts, after),
      ),
      ...[timed?.p50Ms, timed?.p99Ms]
        .slice(0, times.length)
        .map((ms) => html`${ms === undefined ? '–' : duration(ms)}`),
      html`${facts.faults.join(', ') || '–'}`,
    ];
    return html`<tr><th scope="row"><code>${visible(facts.route)}</code></th>${cells.map(
      (cell, i) =>
        html`<td data-head="${heads[i + 1]}"${cell.text === '–' && new Markup(' class="none"')}><span>${cell}</span></td>`,
    )}</tr>`;
  });
  const more = routes.length - mostRoutes;
  return html`<section>
<h2>Routes</h2>
<table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${rows}
</tbody>
</table>
${more > 0 && html`<p>and ${more} more</p>`}
</section>`;
}

type Cell = (facts: RouteFacts) => string;
const statusOf: Cell = ({ status }) => (status === null ? 'no response' : String(status));
const sizeOf: Cell = ({ bytes }) => (bytes === null ? '–' : size(bytes));
const encodingOf: Cell = ({ encoding }) => visible(encoding ?? '–');
const cachingOf: Cell = ({ caching }) => visible(caching ?? '–');

function beforeAndAfter(cell: Cell, before: RouteFacts, after: RouteFacts | undefined): Markup {
  const [one, other] = [cell(before), after && cell(after)];
  return other === undefined || other === one
    ? html`${one}`
    : html`${one} <span class="after">→ ${other}</span>`;
}

function size(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${Number((bytes / 1000).toFixed(1))} kB`;
}
