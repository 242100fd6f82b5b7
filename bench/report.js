import { loads } from './loads.js';
import { difference, ratio, spread } from './statistics.js';
import { variants } from './variants.js';

const times = (value) => `${value.toFixed(2)}x`;
const micros = (value) => value.toFixed(1);

/** Whether other programs took enough of the machine to spoil the figures. */
export function isBusy({ loadAverage }) {
  return loadAverage > 0.5;
}

/** All that was measured, as Markdown. */
export function reportOf(result) {
  const { node, machine, generator, rounds, seconds, warmup } = result;
  return [
    `Node ${node.slice(1)}, ${machine}, ${generator}, rounds: ${rounds}, each of ${seconds} s after ${warmup} requests of warm-up.`,
    'The figure is CPU time of the server process per request; a ratio is against bare Express of the same major',
    'version in the same round, as median (least to most) over the rounds: 2x is half the CPU.',
    ...(isBusy(result) ? ['**The machine was busy with other work: rough figures.**'] : []),
    '',
    ...Object.entries(result.costs).flatMap(([name, costs]) => [
      ...loadTable(name, costs),
      ...partsTable(costs),
    ]),
    ...floorsTable(result.floors),
    ...weightTable(result.weight),
  ].join('\n');
}

function table(heading, columns, rows) {
  if (rows.length === 0) return [];
  const align = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [`### ${heading}`, '', ...[columns, align, ...rows].map((cells) => `| ${cells.join(' | ')} |`), ''];
}

function measured(costs) {
  return variants.filter(({ name }) => costs[name] !== undefined);
}

function loadTable(name, costs) {
  const rows = measured(costs)
    .filter(({ part }) => part === undefined)
    .map((variant) => [
      variant.title,
      micros(spread(costs[variant.name]).median),
      variant.name === variant.baseline
        ? '1'
        : withRange(ratio(costs[variant.name], costs[variant.baseline]), times),
    ]);
  return table(
    loads.find((load) => load.name === name).title,
    ['', 'µs per request', 'against bare Express'],
    rows,
  );
}

/** What one part costs: everything on, less everything but the part. */
function partsTable(costs) {
  const whole = costs.ours5;
  if (whole === undefined) return [];
  const rows = measured(costs)
    .filter(({ part }) => part !== undefined)
    .map(({ name, part }) => [part, withRange(difference(whole, costs[name]), micros)]);
  return table('What one part costs there', ['', 'µs per request'], rows);
}

function floorsTable(floors) {
  const rows = floors.map(({ load, variant, over, measured, floor, target, ok }) => [
    `${load}: ${variant} over ${over}`,
    withRange(measured, times),
    floor === undefined ? '–' : times(floor),
    target === undefined ? '–' : times(target),
    floor === undefined ? '–' : ok ? 'kept' : '**under**',
  ]);
  return table('Floors', ['', 'measured', 'floor', 'target', ''], rows);
}

function weightTable(weight = []) {
  const rows = weight.map(({ title, importMs, heapBytes, bytes, packages }) => [
    title,
    importMs.toFixed(0),
    (heapBytes / 2 ** 20).toFixed(1),
    (bytes / 1024).toFixed(0),
    packages,
  ]);
  return table('Start-up and weight', ['', 'import, ms', 'heap, MiB', 'installed, KiB', 'packages'], rows);
}

function withRange({ median, min, max }, format) {
  return min === max ? format(median) : `${format(median)} (${format(min)} to ${format(max)})`;
}
