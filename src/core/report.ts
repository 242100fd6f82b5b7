import type { Server } from 'node:http';
import type { Application } from 'express';
import type { Finding } from '../middleware/production-guard/index.js';

/** One line of the report: a part, and what became of it. */
export interface PartCondition {
  readonly name: string;
  /** `on`; `off` by option or environment; `kept`: the app has its own, ours stands aside. */
  readonly state: 'on' | 'off' | 'kept';
  readonly reason: string;
}

/** What `productionize` applied to an app, what it skipped, and why. `String(report)` prints it. */
export interface ConditionReport {
  readonly express: 4 | 5;
  readonly environment: string;
  readonly parts: readonly PartCondition[];
  readonly findings: readonly Finding[];
  toString(): string;
}

const marks = { on: '✔', off: '–', kept: '=' } as const;

/** The report as text, one line per part and finding. */
export function printReport({ express, environment, parts, findings }: ConditionReport): string {
  const width = Math.max(...parts.map(({ name }) => name.length));
  return [
    `express-productionize on Express ${express}, ${environment}`,
    ...parts.map(
      ({ name, state, reason }) => `  ${marks[state]} ${name.padEnd(width)}  ${state.padEnd(4)}  ${reason}`,
    ),
    ...findings.map(({ code, message }) => `  ! ${code}: ${message}`),
  ].join('\n');
}

/** Where a productionized app carries its pipeline; registered, so that copies of the package see each other's. */
export const pipelineKey = Symbol.for('express-productionize.pipeline');

/** What is kept with a productionized app. */
export interface Attached {
  readonly report: () => ConditionReport;
  readonly restore: () => void;
  /** Makes a server known before its first request. */
  readonly adopt?: (server: Server) => void;
}

export function attachedTo(app: Application): Attached | undefined {
  return (app as unknown as { [pipelineKey]?: Attached })[pipelineKey];
}

/**
 * What `productionize` did to an app, as data; `undefined` for an app it never saw.
 *
 * @example
 * console.log(String(conditionReport(app)))
 */
export function conditionReport(app: Application): ConditionReport | undefined {
  return attachedTo(app)?.report();
}
