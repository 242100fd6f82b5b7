import type { AuditReport } from '../audit-report.js';
import { findingsSection, notesSection, silencedSection } from './html-findings.js';
import { measuredSection } from './html-measured.js';
import { practicesSection, scoreSection } from './html-scores.js';
import { styleSheet } from './html-style.js';
import { routesSection, timeoutsSection } from './html-tables.js';
import { html, Markup } from './markup.js';
import { visible } from './visible-text.js';

const mostBytes = 290_000;

/**
 * Formats a report as one page that requests nothing and runs no script. Pieces of evidence are left out where it
 * would become large.
 */
export function htmlReport(name: string, report: AuditReport, preview?: AuditReport): string {
  for (const mostEvidence of [20, 5]) {
    const { text } = page(visible(name), report, preview, mostEvidence);
    if (Buffer.byteLength(text) < mostBytes) return text;
  }
  return page(visible(name), report, preview, 1).text;
}

function page(
  name: string,
  report: AuditReport,
  preview: AuditReport | undefined,
  mostEvidence: number,
): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name}: ${report.score} of 100</title>
<style>${new Markup(styleSheet)}</style>
</head>
<body>
<header>
<p class="brand">express-productionize doctor</p>
<h1>${name}</h1>
</header>
<main>
${scoreSection(report, preview)}
${practicesSection(report, preview)}
${timeoutsSection(report, preview)}
${findingsSection(report, preview, mostEvidence)}
${silencedSection(report)}
${notesSection(report)}
${routesSection(report, preview)}
${measuredSection(report, preview)}
</main>
<footer>
<p>The score is 100 less 15 points for each fault of high severity, 6 for medium and 2 for low. No time counts. docs/doctor.md of the package explains each fault.</p>
</footer>
</body>
</html>
`;
}
