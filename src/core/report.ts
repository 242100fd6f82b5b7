import type { Server } from 'node:http';
import { inspect } from 'node:util';
import type { Application } from 'express';
import type { Finding } from '../middleware/production-guard/index.js';
import { pipelineKey } from '../support/symbols.js';

/** One line of the report: a part, and what became of it. */
export interface PartReport {
  readonly name: string;
  /** `on`; `off` by option or environment; `kept`: the app has its own, ours stands aside. */
  readonly state: 'on' | 'off' | 'kept';
  readonly reason: string;
}

/** What `productionize` applied to an app, what it skipped, and why. `console.log` prints it. */
export interface AppReport {
  readonly express: 4 | 5;
  readonly environment: string;
  readonly parts: readonly PartReport[];
  readonly findings: readonly Finding[];
  toString(): string;
}

const marks = { on: '✔', off: '–', kept: '=' } as const;

/** Gives a report its text, which stands in for the object where it is printed, and in no other place. */
export function makeReport(facts: Omit<AppReport, 'toString'>): AppReport {
  const print = { value: () => printReport(facts) };
  return Object.defineProperties({ ...facts }, { toString: print, [inspect.custom]: print });
}

/** One line per part and finding. */
function printReport({ express, environment, parts, findings }: Omit<AppReport, 'toString'>): string {
  const width = Math.max(...parts.map(({ name }) => name.length));
  return [
    `express-productionize on Express ${express}, ${environment}`,
    ...parts.map(
      ({ name, state, reason }) => `  ${marks[state]} ${name.padEnd(width)}  ${state.padEnd(4)}  ${reason}`,
    ),
    ...findings.map(({ code, message }) => `  ! ${code}: ${message}`),
  ].join('\n');
}

/** What is kept with a productionized app. */
export interface Attached {
  readonly report: () => AppReport;
  readonly restore: () => void;
  /** Makes a server known before its first request. */
  readonly adopt?: (server: Server) => void;
}

export function attachedTo(app: Application): Attached | undefined {
  return (app as unknown as { [pipelineKey]?: Attached })[pipelineKey];
}

/**
 * What `productionize` did to an app, as data; `undefined` for an app it never saw. `console.log` and `String` print it
 * as a list.
 *
 * @example
 * console.log(report(app))
 */
export function report(app: Application): AppReport | undefined {
  return attachedTo(app)?.report();
}

/** @deprecated Use {@link report}, which is the same function. */
export const conditionReport: typeof report = report;
