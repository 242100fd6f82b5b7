import { alignColumns } from '../output.js';
import type { TrafficCounts } from './traffic-counts.js';

/** The results of a drill. */
export interface Report {
  readonly script: string;
  readonly port: number;
  /** The path of the GET requests, and the status of its response before any reload. */
  readonly path: string;
  readonly status: number;
  readonly workers: number;
  /** The number of requested reloads, and the number of completed ones. */
  readonly reloads: number;
  readonly reloaded: number;
  readonly seconds: number;
  /** The number of workers that died without a request to exit. */
  readonly deaths: number;
  /** The reason for which the reloads ended early, or `null`. */
  readonly problem: string | null;
  readonly traffic: readonly TrafficReport[];
  readonly lost: number;
  readonly verdict: string;
}

/** The results of one kind of traffic. */
export interface TrafficReport {
  readonly kind: string;
  readonly sent: number;
  readonly completed: number;
  readonly failed: number;
  readonly reconnected: number;
  readonly slowestMs: number;
  /** The count of each reason. */
  readonly losses: Readonly<Record<string, number>>;
}

/** Adds the losses and the verdict to the results of a drill. */
export function makeReport(
  drill: Omit<Report, 'traffic' | 'lost' | 'verdict'>,
  counts: readonly TrafficCounts[],
): Report {
  const traffic = trafficReports(counts);
  const lost = traffic.reduce((sum, { failed }) => sum + failed, 0);
  const report = { ...drill, traffic, lost };
  return { ...report, verdict: verdict(report) };
}

/** The results of each kind of traffic. */
export function trafficReports(counts: readonly TrafficCounts[]): TrafficReport[] {
  return counts.map(({ kind, sent, completed, failed, reconnected, slowestMs, losses }) => ({
    kind,
    sent,
    completed,
    failed,
    reconnected,
    slowestMs: Math.round(slowestMs),
    losses: Object.fromEntries(losses),
  }));
}

/** Whether no request was lost, no reload failed and no worker died. */
export function passed({ lost, problem, deaths }: Pick<Report, 'lost' | 'problem' | 'deaths'>): boolean {
  return lost === 0 && problem === null && deaths === 0;
}

function verdict(report: Omit<Report, 'verdict'>): string {
  const { traffic, lost, reloads, reloaded, problem, deaths } = report;
  const sent = traffic.reduce((sum, kind) => sum + kind.sent, 0);
  const sentences = [`${number(lost)} of ${number(sent)} lost over ${count(reloaded, 'reload')}.`];
  if (problem !== null) sentences.push(`Only ${reloaded} of ${reloads} reloads were done: ${problem}.`);
  if (deaths > 0) sentences.push(`${count(deaths, 'worker')} died.`);
  return `${passed(report) ? 'Passed' : 'Failed'}: ${sentences.join(' ')}`;
}

const heads = ['traffic', 'sent', 'completed', 'failed', 'reconnected', 'slowest'];

/** The table of traffic, one line for each kind. */
export function trafficTable(traffic: readonly TrafficReport[]): string[] {
  const rows = traffic.map(({ kind, sent, completed, failed, reconnected, slowestMs }) => [
    kind,
    ...[sent, completed, failed, reconnected].map(number),
    `${number(slowestMs)} ms`,
  ]);
  return alignColumns([heads, ...rows], (column) => column > 0);
}

/** Formats the table of a drill, the reasons of the losses, and the verdict. */
export function format(report: Report): string {
  const reasons = report.traffic.flatMap(({ kind, losses }) =>
    Object.entries(losses).map(([reason, times]) => `${kind}: ${number(times)} × ${reason}`),
  );
  return [
    `${count(report.reloaded, 'reload')} of ${count(report.workers, 'worker')}, ${report.seconds} s; GET ${report.path} on port ${report.port} responds with ${report.status}`,
    '',
    ...trafficTable(report.traffic),
    '',
    ...reasons,
    report.verdict,
  ].join('\n');
}

function number(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function count(times: number, name: string): string {
  return `${number(times)} ${name}${times === 1 ? '' : 's'}`;
}
