// The bench. `npm run bench -- --help` lists its options.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { chart } from './chart.js';
import { checkFloors } from './floors.js';
import { buildLibrary, installPeers, nodeBinary } from './installs.js';
import { loadGenerator } from './load-generator.js';
import { measureLoad } from './measure.js';
import { isBusy, reportOf } from './report.js';
import { planOf, readSettings, usage } from './settings.js';
import { isAvailable } from './variants.js';
import { weigh } from './weight.js';

const { floors } = JSON.parse(readFileSync(new URL('floors.json', import.meta.url), 'utf8'));
// with the start of the process; on a machine that does nothing else
const typicalWarmUpSeconds = 5;
const progress = (text) => console.error(text);

/** Runs the bench, writes what was asked for, and returns whether every floor was kept. */
async function bench(settings) {
  const plan = available(planOf(settings, floors));
  if (plan.length === 0) throw new Error('none of these variants runs under these loads');
  installPeers();
  buildLibrary(progress);
  const binary = nodeBinary(settings.node);
  const generator = loadGenerator(settings.generator);
  const { rounds, seconds, warmup } = settings;
  const result = {
    node: execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim(),
    machine: `${os.availableParallelism()} × ${os.cpus()[0]?.model ?? os.arch()}`,
    loadAverage: os.loadavg()[0],
    generator: generator.name,
    rounds,
    seconds,
    warmup,
    costs: {},
  };
  const measurements = rounds * plan.reduce((sum, { variants }) => sum + variants.length, 0);
  const minutes = Math.ceil((measurements * (seconds + typicalWarmUpSeconds)) / 60);
  progress(`${measurements} measurements, about ${minutes} min, on Node ${result.node.slice(1)}`);
  if (isBusy(result)) progress('the machine is busy: do not trust the figures');

  try {
    for (const { load, variants } of plan) {
      result.costs[load.name] = await measureLoad(load, variants, {
        rounds,
        seconds,
        warmup,
        generator,
        nodeBinary: binary,
        progress,
      });
    }
  } finally {
    generator.close();
  }
  if (settings.weight) result.weight = weigh(binary, rounds);
  const major = /\d+/.exec(result.node)[0];
  result.floors = checkFloors(floors, result.costs, major);

  const markdown = reportOf(result);
  console.log(markdown);
  if (settings.markdown) writeFileSync(settings.markdown, markdown);
  if (settings.json) writeFileSync(settings.json, `${JSON.stringify(result, undefined, 2)}\n`);
  if (settings.svg) writeFileSync(settings.svg, chart(result, plan[0].load));
  return !settings.check || floorsKept(result);
}

/** Leaves out what needs a program that is not installed, and says so. */
function available(plan) {
  return plan.map(({ load, variants }) => ({
    load,
    variants: variants.filter((variant) => {
      const is = isAvailable(variant);
      if (!is) progress(`${variant.name} is left out: ${variant.needs} is not installed`);
      return is;
    }),
  }));
}

function floorsKept({ floors, node }) {
  const judged = floors.filter(({ floor }) => floor !== undefined);
  const under = judged.filter(({ ok }) => !ok);
  if (judged.length === 0) progress(`nothing was checked: floors.json has no floor for Node ${node} here`);
  for (const { load, variant, over } of under) progress(`under its floor: ${load}, ${variant} over ${over}`);
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
