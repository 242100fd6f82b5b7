import { duration, paint, printable } from '../output.js';
import type { TopCluster, TopHost, TopRoute, TopWorker } from './top-state.js';

/** What the view shows beside the state. */
export interface TopChoice {
  /** The cluster that keys control, by its position among all. */
  readonly selected: number;
  /** The result of the last key. */
  readonly message: string;
}

const workerHeads = ['worker', 'pid', 'state', 'up', 'rps', 'err/s', 'busy', 'delay', 'memory', 'in flight'];
const routeHeads = ['rps', 'err/s', 'p50', 'p99'];
const keys = 'q quit   + - scale   r reload   p profile   tab next cluster';
export const howToMeasure =
  'Requests and routes need the part `metrics`: productionize(app, { metrics: true }), or the option in package.json';

/** Draws the state of all hosts as lines of a terminal. */
export function drawTop(
  hosts: readonly TopHost[],
  choice: TopChoice,
  columns: number,
  rows: number,
): string[] {
  const clusters = hosts.flatMap((host) => host.clusters);
  const selected = clusters[choice.selected];
  const lines = hosts.flatMap((host) => hostLines(host, selected));
  if (selected !== undefined) lines.push('', ...routeLines(selected, columns));
  const bottom = [choice.message, keys];
  const space = Math.max(0, rows - bottom.length);
  const fitted = lines.length <= space ? lines : [...lines.slice(0, Math.max(0, space - 1)), '…'];
  const gap = Math.max(0, space - fitted.length);
  return [...fitted, ...Array<string>(gap).fill(''), ...bottom]
    .slice(-rows)
    .map((line) => styled(line.slice(0, columns), line));
}

function hostLines({ host, clusters, problem }: TopHost, selected: TopCluster | undefined): string[] {
  const heading =
    host === null ? [] : [`${printable(host)}${problem === null ? '' : `  ${printable(problem)}`}`];
  const none = clusters.length === 0 && problem === null ? ['No cluster is running.'] : [];
  const waiting = host === null && problem !== null ? [printable(problem)] : [];
  return [
    ...heading,
    ...waiting,
    ...none,
    ...clusters.flatMap((each) => clusterLines(each, each === selected)),
  ];
}

function clusterLines(cluster: TopCluster, isSelected: boolean): string[] {
  const rows = [workerHeads, ...cluster.workers.map((worker) => workerRow(worker).map(printable))];
  return [`${isSelected ? '▸' : ' '} ${summaryOf(cluster)}`, ...table(rows).map((line) => `    ${line}`)];
}

/** One cluster on one line, which begins with what a narrow terminal must show. */
export function summaryOf(cluster: TopCluster): string {
  const { pid, name, script, uptimeMs, target, ready, deaths } = cluster;
  const title = name === null ? String(pid) : `${name} (${pid})`;
  const doing = cluster.stopping ? ['stopping'] : cluster.reloading ? ['reloading'] : [];
  const { rps, errors, p50Ms, p99Ms } = cluster;
  const rates = [
    `${rate(rps)} rps`,
    `${rate(errors)} err/s`,
    `p50 ${milliseconds(p50Ms)}`,
    `p99 ${milliseconds(p99Ms)}`,
  ];
  const facts = [
    title,
    `${ready} of ${target} ready`,
    ...doing,
    ...(rps === null ? [] : rates),
    `${deaths} died`,
    `up ${duration(uptimeMs)}`,
    script.split('/').at(-1) ?? script,
  ];
  return printable(facts.join('  '));
}

function workerRow(worker: TopWorker): string[] {
  const { id, pid, state, uptimeMs, rps, errors, utilization, delayMs, rssBytes, inFlight } = worker;
  return [
    String(id),
    String(pid),
    state,
    duration(uptimeMs),
    rate(rps),
    rate(errors),
    utilization === null ? '–' : `${Math.round(utilization * 100)} %`,
    milliseconds(delayMs),
    rssBytes === null ? '–' : `${Math.round(rssBytes / 2 ** 20)} MB`,
    inFlight === null ? '–' : String(inFlight),
  ];
}

function routeLines(cluster: TopCluster, columns: number): string[] {
  if (!cluster.measured) return [howToMeasure];
  const numbers = table([routeHeads, ...cluster.routes.map(routeRow)]);
  const width = Math.max(10, columns - (numbers[0]?.length ?? 0) - 6);
  const names = ['route', ...cluster.routes.map(({ method, route }) => printable(`${method} ${route}`))];
  const widest = Math.min(width, Math.max(24, ...names.map(({ length }) => length)));
  return names.map((name, i) => {
    const fitted = name.length > widest ? `${name.slice(0, widest - 1)}…` : name.padEnd(widest);
    return `    ${fitted}  ${numbers[i]}`;
  });
}

function routeRow({ rps, errors, p50Ms, p99Ms }: TopRoute): string[] {
  return [rate(rps), rate(errors), milliseconds(p50Ms), milliseconds(p99Ms)];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  return rows.map((row) => row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  '));
}

function rate(perSecond: number | null): string {
  if (perSecond === null) return '–';
  return perSecond < 100 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

function milliseconds(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}

function styled(shown: string, line: string): string {
  if (line === keys || /^ +(worker|route)/.test(line)) return paint('dim', shown);
  return line.startsWith('▸') ? paint('bold', shown) : shown;
}
