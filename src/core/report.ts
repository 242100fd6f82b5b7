import type { Server } from 'node:http';
import { inspect } from 'node:util';
import type { Application } from 'express';
import type { Finding } from '../middleware/production-guard/index.js';
import { pipelineKey } from '../support/symbols.js';

/** A fact of a report: plain data. */
export type Fact = string | number | boolean | null | readonly string[];

/** Facts by name. The name of a number with a unit ends in that unit. */
export type Facts = Readonly<Record<string, Fact>>;

/** One line of the report: a part and its state. */
export interface PartReport {
  readonly name: string;
  /**
   * `on`; `off` by option or environment; `kept`: what the app itself has for the task is left in place, and the part does
   * nothing.
   */
  readonly state: 'on' | 'off' | 'kept';
  readonly reason: string;
  /** The settings of the part and what it found; empty unless it is on. */
  readonly facts: Facts;
  /** The options that were given by name. Values that are not plain data are described in words. */
  readonly options: Facts;
}

/** A server that currently serves the app. */
export interface ServerReport {
  /** `null` until the server listens. */
  readonly address: string | null;
  readonly keepAliveTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/** What `productionize` applied to an app, what it skipped, and why. `console.log` prints it. */
export interface AppReport {
  readonly express: 4 | 5;
  readonly environment: string;
  readonly parts: readonly PartReport[];
  readonly servers: readonly ServerReport[];
  readonly findings: readonly Finding[];
  toString(): string;
}

const marks = { on: '✔', off: '–', kept: '=' } as const;

/** Adds the text form of a report. It replaces the object only where the object is printed. */
export function makeReport(facts: Omit<AppReport, 'toString'>): AppReport {
  const print = { value: () => printReport(facts) };
  return Object.defineProperties({ ...facts }, { toString: print, [inspect.custom]: print });
}

/** Returns the address and the timeouts of a server. */
export function describeServer(server: Server): ServerReport {
  const address = server.address();
  const { keepAliveTimeout, headersTimeout, requestTimeout } = server;
  return {
    address:
      address === null || typeof address === 'string'
        ? address
        : `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    keepAliveTimeoutMs: keepAliveTimeout,
    headersTimeoutMs: headersTimeout,
    requestTimeoutMs: requestTimeout,
  };
}

/** One line per part, server and finding. */
function printReport({
  express,
  environment,
  parts,
  servers,
  findings,
}: Omit<AppReport, 'toString'>): string {
  const width = Math.max(...parts.map(({ name }) => name.length));
  return [
    `express-productionize on Express ${express}, ${environment}`,
    ...parts.map(({ name, state, reason, facts, options }) => {
      const named = Object.keys(options).length > 0 ? { ...facts, options: print(options) } : facts;
      const shown = Object.keys(named).length > 0 ? ` (${print(named)})` : '';
      return `  ${marks[state]} ${name.padEnd(width)}  ${state.padEnd(4)}  ${reason}${shown}`;
    }),
    ...servers.map(({ address, ...timeouts }) => `  > ${address ?? 'no address yet'}  ${print(timeouts)}`),
    ...findings.map(({ code, message }) => `  ! ${code}: ${message}`),
  ].join('\n');
}

function print(facts: Facts): string {
  return Object.entries(facts)
    .map(([name, fact]) => `${name}: ${Array.isArray(fact) ? fact.join(' ') || 'none' : fact}`)
    .join(', ');
}

/** The state that is attached to a productionized app. */
export interface Attached {
  /** The options of the call that attached it. */
  readonly options?: object;
  readonly report: () => AppReport;
  readonly restore: () => void;
  /** Registers a server before its first request. */
  readonly adopt?: (server: Server) => void;
}

export function attachedTo(app: Application): Attached | undefined {
  return (app as unknown as { [pipelineKey]?: Attached })[pipelineKey];
}

/**
 * Returns what `productionize` did to an app, as data. It returns `undefined` for an app without `productionize`.
 * `console.log` and `String` print the report as a list.
 *
 * @example
 * console.log(report(app))
 */
export function report(app: Application): AppReport | undefined {
  return attachedTo(app)?.report();
}

/** @deprecated Use {@link report}, which is the same function. */
export const conditionReport: typeof report = report;
