import type { Severity } from '../audit-finding.js';
import type { AuditReport } from '../audit-report.js';
import { html, type Markup } from './markup.js';

const severities: readonly Severity[] = ['high', 'medium', 'low'];

/** The class of a score, which has its colour. */
function gradeOf(score: number): string {
  return score >= 90 ? 'good' : score >= 50 ? 'fair' : 'poor';
}

/** The score, and that with productionize(app) beside it. */
export function scoreSection(report: AuditReport, preview: AuditReport | undefined): Markup {
  return html`<section class="scores" aria-label="Score">
${dial(report, preview ? 'as it is' : undefined)}
${preview && html`<span class="arrow" aria-hidden="true">→</span>\n${dial(preview, 'with productionize(app)')}`}
</section>`;
}

function dial({ score, findings }: AuditReport, caption: string | undefined): Markup {
  const counts = severities.flatMap((severity) => {
    const count = findings.filter((each) => each.severity === severity).length;
    return count > 0 ? [html`<span class="pill ${severity}">${count} ${severity}</span>`] : [];
  });
  return html`<figure class="dial ${gradeOf(score)}">
<svg viewBox="0 0 120 120" role="img" aria-label="${score} of 100">
<circle class="track" cx="60" cy="60" r="52" pathLength="100"/>
<circle class="value" cx="60" cy="60" r="52" pathLength="100" stroke-dasharray="${score} 100" transform="rotate(-90 60 60)"/>
<text x="60" y="${score === 100 ? 72 : 73}">${score}</text>
</svg>
<figcaption>${caption && html`<b>${caption}</b>`}
<span class="pills">${counts.length > 0 ? counts : html`<span class="pill good">no faults</span>`}</span></figcaption>
</figure>`;
}

/** The score of each section of the guide. */
export function practicesSection({ practices }: AuditReport, preview: AuditReport | undefined): Markup {
  const rows = Object.entries(practices).map(([practice, score]) => {
    const after = preview?.practices[practice];
    return html`<li><span>${practice}</span>${bar(score, after)}<span class="points ${gradeOf(score)}">${score}${
      after !== undefined && after !== score && html` <span class="${gradeOf(after)}">→&nbsp;${after}</span>`
    }</span></li>`;
  });
  return html`<section>
<h2>Practices</h2>
<ul class="practices">
${rows}
</ul>
</section>`;
}

function bar(score: number, after = score): Markup {
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
<rect class="track" width="100" height="8"/>
<rect class="gain" width="${Math.max(after, score)}" height="8"/>
<rect class="${gradeOf(score)}" width="${score}" height="8"/>
</svg>`;
}
