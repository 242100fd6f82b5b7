import { figures, loads } from './loads.js';
import { difference, ratio, spread } from './statistics.js';
import { variants } from './variants.js';

const times = (value) => `${value.toFixed(2)}x`;
const micros = (value) => value.toFixed(1);
const withRange = ({ median, min, max }, format) =>
  min === max ? format(median) : `${format(median)} (${format(min)} to ${format(max)})`;

/** Whether other programs took enough of the machine to spoil the figures. */
export function isBusy({ loadAverage }) {
  return loadAverage > 0.5;
}

/** The costs by load and variant on one major version of Node. */
export function costsOf(result, major) {
  return Object.fromEntries(
    Object.entries(result.loads).flatMap(([load, byMajor]) =>
      byMajor[major] ? [[load, byMajor[major].costs]] : [],
    ),
  );
}

/** All that was measured, as Markdown. */
export function reportOf(result, checkedFloors) {
  return [...tablesOf(result), ...floorsTable(checkedFloors)].join('\n');
}

/** The tables of a result, line by line. In each the worst rows are the first, and no row is left out. */
export function tablesOf(result) {
  const majors = [...new Set(Object.values(result.loads).flatMap(Object.keys))].sort();
  const measured = loads.filter(({ name }) => result.loads[name]);
  return [
    ...conditionsOf(result),
    ...oursTable(result, majors, measured),
    ...othersTable(result, majors, measured),
    ...measured.flatMap((load) => [...loadTable(result, majors, load), ...partsTable(result, majors, load)]),
    ...majors.flatMap((major) => weightTable(result.weight[major], major)),
  ];
}

/** On what and how it was measured: one line for each combination. */
function conditionsOf(result) {
  const lines = Object.values(result.loads)
    .flatMap(Object.values)
    .map(
      ({ node, machine, generator, rounds, seconds, warmup, date, ...rest }) =>
        `- Node ${node}, ${machine}, ${generator}, ${date}: ${rounds} × ${seconds} s after ${warmup} requests` +
        (isBusy(rest) ? '. **The machine was busy with other work: rough figures.**' : ''),
    );
  return [...new Set(lines)].concat('');
}

const isOurs = ({ ours, part }) => ours && part === undefined;
const columns = (majors) => majors.map((major) => `Node ${major}`);

/** What this project is judged by, against bare Express of the same major version. */
function oursTable(result, majors, measured) {
  const rows = measured.flatMap((load) =>
    variants
      .filter((variant) => isOurs(variant))
      .map(({ name, title, baseline }) => comparison(result, majors, load, name, baseline, [title])),
  );
  return table('## Against bare Express', ['Load', '', ...columns(majors)], worstFirst(rows));
}

/** Every pair of one of ours and another one that used less on some version of Node. */
function othersTable(result, majors, measured) {
  const pairs = variants
    .filter(isOurs)
    .flatMap((mine) =>
      variants
        .filter(({ ours, name, baseline }) => !ours && baseline === mine.baseline && name !== baseline)
        .map((other) => [mine, other]),
    );
  const rows = measured.flatMap((load) =>
    pairs.map(([mine, other]) =>
      comparison(result, majors, load, mine.name, other.name, [mine.title, other.title]),
    ),
  );
  const faster = rows.filter(({ worst }) => worst < 1);
  return table('## Where others are faster', ['Load', '', 'than', ...columns(majors)], worstFirst(faster));
}

/** A row with the ratio of two variants on each version of Node; `worst` is undefined where none has both. */
function comparison(result, majors, load, name, over, labels) {
  const ratios = majors.map((major) => {
    const costs = result.loads[load.name][major]?.costs;
    return costs?.[name] && costs[over] && ratio(costs[name], costs[over]);
  });
  return {
    worst: leastOf(ratios),
    cells: [load.title, ...labels, ...ratios.map((each) => (each ? withRange(each, times) : ''))],
  };
}

/** All variants under one load; the ratio is against the baseline of each. */
function loadTable(result, majors, load) {
  const { unit, of } = figures[load.figure];
  const rows = variants
    .filter(({ part }) => part === undefined || part === 'requestLogger')
    .map(({ name, title, baseline }) => {
      const each = majors.map((major) => {
        const costs = result.loads[load.name][major]?.costs;
        return costs?.[name] && { ratio: ratio(costs[name], costs[baseline]), ...spread(costs[name]) };
      });
      const cell = (value) => `${withRange(value.ratio, times)}, ${value.median.toFixed(1)} ${unit}`;
      return {
        worst: leastOf(each.map((value) => value?.ratio)),
        cells: [title, ...each.map((value) => (value ? cell(value) : ''))],
      };
    });
  return table(`### ${load.title}`, [of, ...columns(majors)], worstFirst(rows));
}

/** What one part costs: everything on, less everything but the part. */
function partsTable(result, majors, load) {
  const rows = variants
    .filter(({ part }) => part !== undefined)
    .map(({ name, part }) => {
      const differences = majors.map((major) => {
        const costs = result.loads[load.name][major]?.costs;
        return costs?.[name] && costs.ours5 && difference(costs.ours5, costs[name]);
      });
      return {
        worst: -leastOf(differences),
        cells: [part, ...differences.map((each) => (each ? withRange(each, micros) : ''))],
      };
    });
  return table(`#### What one part costs there, µs`, ['', ...columns(majors)], worstFirst(rows));
}

/** The least median; undefined where there is none. */
function leastOf(spreads) {
  const medians = spreads.flatMap((each) => (each ? [each.median] : []));
  return medians.length === 0 ? undefined : Math.min(...medians);
}

/** The cells of the rows that have a figure, the least ratio first. */
function worstFirst(rows) {
  const measured = rows.filter(({ worst }) => worst !== undefined && !Number.isNaN(worst));
  return measured.sort((a, b) => a.worst - b.worst).map(({ cells }) => cells);
}

function floorsTable(checked) {
  const rows = checked.map(({ name, node, measured, floor, target, ok }) => [
    name,
    node,
    withRange(measured, times),
    floor === undefined ? '–' : times(floor),
    target === undefined ? '–' : times(target),
    floor === undefined ? '–' : ok ? 'met' : '**under**',
  ]);
  return table('## Floors', ['', 'Node', 'measured', 'floor', 'target', ''], rows);
}

function weightTable(weight = [], major) {
  const rows = weight.map(({ title, importMs, heapBytes, bytes, packages }) => [
    title,
    importMs.toFixed(0),
    (heapBytes / 2 ** 20).toFixed(1),
    (bytes / 1024).toFixed(0),
    packages,
  ]);
  const header = ['', 'import, ms', 'heap, MiB', 'installed, KiB', 'packages'];
  return table(`### Start-up and weight, Node ${major}`, header, rows);
}

/** A table as the formatter of this repository writes it. */
function table(heading, header, rows) {
  if (rows.length === 0) return [];
  const texts = [header, ...rows].map((cells) => cells.map(String));
  const widths = header.map((_, column) => Math.max(3, ...texts.map((cells) => cells[column].length)));
  const rule = widths.map((width) => '-'.repeat(width));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [heading, '', ...[texts[0], rule, ...texts.slice(1)].map(line), ''];
}
