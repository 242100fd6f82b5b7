import { writeFileSync } from 'node:fs';
import type { AuditReport } from '../doctor/audit-report.js';
import { annotations } from '../doctor/report/annotations.js';
import { htmlReport } from '../doctor/report/html-report.js';
import { markdownReport } from '../doctor/report/markdown-report.js';
import { previewReport, terminalReport } from '../doctor/report/terminal-report.js';
import { type Arguments, jsonOption, UsageError } from './command.js';
import { paint, print, printError } from './output.js';

/** The flags of what is printed and written. */
export const outputFlags = {
  json: jsonOption,
  markdown: {
    type: 'string',
    optional: '.md',
    value: '[file.md]',
    help: 'print the report for a pull request, or write it to a file',
  },
  html: {
    type: 'string',
    optional: '.html',
    value: '[file.html]',
    help: 'write the report as a page that runs no script; default: doctor.html',
  },
  annotations: { type: 'boolean', help: 'print annotations for GitHub Actions' },
} as const;

type Show = (script: string, before: AuditReport, after: AuditReport | undefined) => void;

/** Writes the requested files, and prints one report. */
export function outputOf({ values }: Arguments): Show {
  const { json, html, markdown, annotations: annotate } = values;
  const printed = [json && '--json', markdown === '' && '--markdown', annotate && '--annotations'].filter(
    Boolean,
  );
  if (printed.length > 1) throw new UsageError(`${printed.join(' and ')}: expected one of them, or a file`);
  return (script, before, after) => {
    if (html !== undefined) write(String(html) || 'doctor.html', htmlReport(script, before, after));
    if (markdown) write(String(markdown), markdownReport(script, before, after));
    if (json) print(JSON.stringify(after ? { ...before, preview: after } : before));
    else if (markdown === '') print(markdownReport(script, before, after).trimEnd());
    else if (annotate) print(annotations(script, after ?? before));
    else print(after ? previewReport(script, before, after, paint) : terminalReport(script, before, paint));
  };
}

function write(file: string, text: string): void {
  writeFileSync(file, text);
  printError(`doctor: wrote ${file}`);
}
