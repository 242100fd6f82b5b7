import type { Evidence, Finding } from '../audit-finding.js';
import type { AuditReport } from '../audit-report.js';
import { html, Markup } from './markup.js';
import { countFaults, notesOf, place, visible } from './visible-text.js';

const mostNotes = 20;

/** The faults by practice, each with what was seen, why it matters and what to do. */
export function findingsSection(
  { findings }: AuditReport,
  preview: AuditReport | undefined,
  mostEvidence: number,
): Markup {
  const remaining = preview && new Set(preview.findings.map(({ id }) => id));
  const practices = [...new Set(findings.map(({ practice }) => practice))];
  const groups = practices.map((name) => {
    const ofPractice = findings.filter(({ practice }) => practice === name);
    const items = ofPractice.map((each) => item(each, mostEvidence, remaining && !remaining.has(each.id)));
    return html`<h3>${name}</h3>\n${items}`;
  });
  return html`<section>
<h2>${findings.length === 0 ? 'No faults' : countFaults(findings.length)}</h2>
${groups.length > 0 ? groups : html`<p>No check found a fault.</p>`}
</section>`;
}

function item(finding: Finding, mostEvidence: number, isMended: boolean | undefined): Markup {
  const { id, severity, title, evidence, reason, fix, known } = finding;
  const more = evidence.length - mostEvidence;
  return html`<article class="finding ${severity}" id="${id}">
<h4><span class="pill ${severity}">${severity}</span> ${withCode(title)}
${isMended && html`<span class="pill good">productionize(app) mends it</span>`}
${known && html`<span class="pill">in the baseline</span>`}</h4>
<p class="id">${id}</p>
<ul class="evidence">
${evidence.slice(0, mostEvidence).map(formatEvidence)}
${more > 0 && html`<li>and ${more} more</li>`}
</ul>
<p>${withCode(reason)}</p>
<p class="fix"><b>Fix</b> ${withCode(fix)}</p>
</article>`;
}

function formatEvidence(evidence: Evidence): Markup {
  const { route, text } = evidence;
  const where = place(evidence);
  return html`<li>${route && html`<code>${visible(route)}</code> `}<span>${visible(text)}</span>${
    where && html` <code class="where">${where}</code>`
  }</li>`;
}

/** What stands between backticks is code. */
function withCode(text: string): Markup {
  const parts = text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
  return new Markup(parts.map((part) => part.text).join(''));
}

/** The faults that the project accepts. */
export function silencedSection({ silenced }: AuditReport): Markup | undefined {
  if (silenced.length === 0) return undefined;
  return html`<section>
<h2>Silenced</h2>
<ul>
${silenced.map(({ title, id, because }) => html`<li>${withCode(title)} (${id}): ${visible(because)}</li>`)}
</ul>
</section>`;
}

/** What was left out of the audit. */
export function notesSection(report: AuditReport): Markup | undefined {
  const notes = notesOf(report);
  if (notes.length === 0) return undefined;
  return html`<section>
<h2>Notes</h2>
<ul class="note">
${notes.slice(0, mostNotes).map((note) => html`<li>${note}</li>`)}
</ul>
</section>`;
}
