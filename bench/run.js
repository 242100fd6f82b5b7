// The bench. `npm run bench -- --help` lists its options.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { chart } from './chart.js';
import { checkFloors } from './floors.js';
import { buildLibrary, installPeers, nodeBinary } from './installs.js';
import { loadGenerator } from './load-generator.js';
import { checkResponses, measureRound } from './measure.js';
import { publish } from './publish.js';
import { costsOf, isBusy, reportOf } from './report.js';
import { planOf, readSettings, usage } from './settings.js';
import { rotated } from './statistics.js';
import { isAvailable } from './variants.js';
import { weigh } from './weight.js';

// with the start of the process; on a machine that does nothing else
const typicalWarmUpSeconds = 5;
const progress = (text) => console.error(text);

/** Runs the bench, writes what was requested, and returns whether no ratio is under its floor. */
async function bench(settings) {
  const floorsFile = settings.floors ?? new URL('floors.json', import.meta.url);
  const { floors } = JSON.parse(readFileSync(floorsFile, 'utf8'));
  const plan = available(planOf(settings, floors));
  if (plan.length === 0) throw new Error('none of these variants runs under these loads');
  installPeers();
  buildLibrary(progress);
  const nodes = (settings.node ?? [undefined]).map((major) => nodeOf(nodeBinary(major)));
  if (settings['dry-run']) return checkAll(plan, nodes);
  const result = await measureAll(plan, nodes, settings);
  const checked = nodes.flatMap(({ major }) => checkFloors(floors, costsOf(result, major), major));

  const markdown = reportOf(result, checked);
  console.log(markdown);
  if (settings.markdown) writeFileSync(settings.markdown, markdown);
  if (settings.json) writeFileSync(settings.json, `${JSON.stringify(result, undefined, 2)}\n`);
  if (settings.svg) {
    const [{ load }] = plan;
    writeFileSync(settings.svg, chart(result.loads[load.name][nodes[0].major], load));
  }
  if (settings.publish) publish(result);
  return !settings.check || meetsFloors(checked);
}

/** Checks all that could be measured; throws where a response is wrong. */
async function checkAll(plan, nodes) {
  const bodies = new Map();
  for (const { load, variants } of plan) {
    for (const { node, binary } of nodes) {
      await checkResponses(load, variants, {
        nodeBinary: binary,
        bodies,
        progress: (variant) => progress(`${load.name}, Node ${node}: ${variant}`),
      });
    }
  }
  return true;
}

/**
 * Measures in rounds: each has every load, on every Node, by every variant. Returns the figures and their conditions
 * by load and major version, `{ loads: { json: { 24: { node, ..., costs: { ours5: [one per round] } } } }, weight }`.
 */
async function measureAll(plan, nodes, settings) {
  const { rounds, seconds, warmup } = settings;
  const generator = loadGenerator(settings.generator);
  const conditions = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${os.availableParallelism()} × ${os.cpus()[0]?.model ?? os.arch()}`,
    loadAverage: os.loadavg()[0],
    generator: generator.name,
    rounds,
    seconds,
    warmup,
  };
  const count = rounds * nodes.length * plan.reduce((sum, { variants }) => sum + variants.length, 0);
  const minutes = Math.ceil((count * (seconds + typicalWarmUpSeconds)) / 60);
  progress(
    `${count} measurements, about ${minutes} min, on Node ${nodes.map(({ node }) => node).join(', ')}`,
  );
  if (isBusy(conditions)) progress('the machine is busy: do not trust the figures');

  const result = { loads: {}, weight: {} };
  for (const { load, variants } of plan) {
    const costs = () => Object.fromEntries(variants.map(({ name }) => [name, []]));
    result.loads[load.name] = Object.fromEntries(
      nodes.map(({ major, node }) => [major, { node, ...conditions, costs: costs() }]),
    );
  }
  const bodies = new Map();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { load, variants } of plan) {
        for (const { major, node, binary } of nodes) {
          const figures = await measureRound(load, rotated(variants, round, rounds), {
            seconds,
            warmup,
            generator,
            nodeBinary: binary,
            bodies,
            progress: (variant) =>
              progress(`round ${round + 1} of ${rounds}, ${load.name}, Node ${node}: ${variant}`),
          });
          const { costs } = result.loads[load.name][major];
          for (const [variant, figure] of Object.entries(figures)) costs[variant].push(figure);
        }
      }
    }
  } finally {
    generator.close();
  }
  if (settings.weight) {
    for (const { major, binary } of nodes) result.weight[major] = weigh(binary, rounds);
  }
  return result;
}

function nodeOf(binary) {
  const node = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim().slice(1);
  return { binary, node, major: node.split('.')[0] };
}

/** Leaves out what needs a program that is not installed, with a line about it. */
function available(plan) {
  const isHere = (item) => {
    const is = isAvailable(item);
    if (!is) progress(`${item.name} is left out: ${item.needs} is not installed`);
    return is;
  };
  return plan
    .filter(({ load }) => isHere(load))
    .map(({ load, variants }) => ({ load, variants: variants.filter(isHere) }));
}

function meetsFloors(checked) {
  const judged = checked.filter(({ floor }) => floor !== undefined);
  const under = judged.filter(({ ok }) => !ok);
  if (judged.length === 0) progress('nothing was checked: there is no floor for what was measured');
  for (const { name, node } of under) progress(`under its floor on Node ${node}: ${name}`);
  return judged.length > 0 && under.length === 0;
}

try {
  const settings = readSettings(process.argv.slice(2));
  if (settings.help) console.log(usage);
  else if (!(await bench(settings))) process.exitCode = 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
