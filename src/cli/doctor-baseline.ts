import { readFileSync, writeFileSync } from 'node:fs';
import type { AuditReport } from '../doctor/audit-report.js';
import { type Baseline, compareWith, formatBaseline, parseBaseline } from '../doctor/baseline.js';
import { type Arguments, CommandError, UsageError } from './command.js';
import { printError } from './output.js';

/** The flags of accepted faults. */
export const baselineFlags = {
  baseline: {
    type: 'string',
    value: '<file>',
    help: 'fail for new faults only: those that this file does not contain; it is written where it does not exist',
  },
  'write-baseline': { type: 'boolean', help: 'write the file of --baseline, also where it exists' },
} as const;

interface ChosenBaseline {
  /** Marks the faults that the file contains. */
  mark(report: AuditReport): AuditReport;
  /** Writes the file where it does not exist, or was requested. Returns the report with all its faults marked then. */
  write(report: AuditReport): AuditReport;
}

/** Reads the file before the audit, so that an invalid one is an error at the start. */
export function baselineOf({ values }: Arguments): ChosenBaseline {
  const file = values.baseline as string | undefined;
  if (file === undefined) {
    if (values['write-baseline']) throw new UsageError('--write-baseline belongs to --baseline');
    return { mark: (report) => report, write: (report) => report };
  }
  const baseline = values['write-baseline'] ? undefined : read(file);
  if (baseline) return { mark: (report) => compareWith(baseline, report), write: (report) => report };
  if (values.only !== undefined) {
    throw new UsageError('--only: a baseline of some checks cannot be written, it would contain no other');
  }
  return {
    mark: (report) => report,
    write(report) {
      const text = formatBaseline(report);
      writeFileSync(file, text);
      printError(`doctor: wrote ${report.findings.length} faults to ${file}`);
      return compareWith(parseBaseline(text) as Baseline, report);
    },
  };
}

function read(file: string): Baseline | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CommandError(`--baseline: ${(error as Error).message}`);
  }
  const baseline = parseBaseline(text);
  if (baseline) return baseline;
  throw new UsageError(`--baseline: ${JSON.stringify(file)} is no baseline. --write-baseline replaces it.`);
}
