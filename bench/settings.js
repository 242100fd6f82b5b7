import { parseArgs } from 'node:util';
import { loads } from './loads.js';
import { runs, variants } from './variants.js';

export const usage = `npm run bench -- [options]

  --load NAMES        loads, comma-separated; default: all
  --only NAMES        variants, comma-separated; their baselines are added
  --node MAJORS       run the servers on these versions of Node, comma-separated, in turns (they are installed under
                      .tmp); default: the one that runs this
  --dry-run           start every server and check its response, measure nothing
  --check             measure what has a floor, and fail when a ratio is under its floor
  --floors FILE       default bench/floors.json
  --rounds N          default 5
  --seconds S         of each measurement, of CPU in turns of a second; default 4
  --warmup N          requests before each, not counted, for 10 s at most; default 40000
  --weight            start-up and weight, also where --only, --load or --check would leave them out
  --generator NAME    wrk or autocannon; default: wrk where it is installed
  --publish           put the figures into bench/results.json, and its tables into docs/benchmarks.md
  --json FILE  --markdown FILE  --svg FILE (a chart of the first load on the first Node)
  --help

Loads: ${loads.map(({ name }) => name).join(', ')}
Variants: ${variants.map(({ name }) => name).join(', ')}
`;

/** Reads the command line. Throws an Error that says what was expected. */
export function readSettings(args) {
  const { values } = parseArgs({
    args,
    options: {
      node: { type: 'string' },
      check: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      floors: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      warmup: { type: 'string', default: '40000' },
      only: { type: 'string' },
      load: { type: 'string' },
      weight: { type: 'boolean', default: false },
      generator: { type: 'string' },
      publish: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.generator !== undefined && !['wrk', 'autocannon'].includes(values.generator)) {
    throw new Error(`--generator: expected wrk or autocannon, got '${values.generator}'`);
  }
  const everything = !values.check && values.only === undefined && values.load === undefined;
  return {
    ...values,
    rounds: positive('--rounds', values.rounds, Number.isInteger),
    seconds: positive('--seconds', values.seconds),
    warmup: positive('--warmup', values.warmup, Number.isInteger),
    node: values.node?.split(',').map((major) => positive('--node', major, Number.isInteger)),
    weight: values.weight || everything,
    only: named('--only', values.only, variants),
    load: named('--load', values.load, loads),
  };
}

function positive(flag, text, accepts = Number.isFinite) {
  const value = Number(text);
  if (value > 0 && accepts(value)) return value;
  throw new Error(`${flag}: expected a number above 0, got '${text}'`);
}

/** The names that a flag lists; undefined without the flag. */
function named(flag, list, items) {
  const known = items.map(({ name }) => name);
  const names = list?.split(',');
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw new Error(`${flag}: expected some of ${known.join(', ')}, got '${unknown}'`);
}

/**
 * What there is to measure: each load with its variants. Without names that is everything, or what the floors need. The
 * baseline of each variant is measured with it.
 */
export function planOf({ check, only, load: loadNames }, floors) {
  return loads
    .filter(({ name }) => loadNames?.includes(name) ?? true)
    .map((load) => {
      const names = only ?? (check ? judged(load, floors) : undefined);
      const chosen = variants.filter((v) => runs(v, load) && (names?.includes(v.name) ?? true));
      const needed = new Set(chosen.flatMap(({ name, baseline }) => [name, baseline]));
      return { load, variants: variants.filter(({ name }) => needed.has(name)) };
    })
    .filter((step) => step.variants.length > 0);
}

/** The names of the variants that floors need under a load. */
function judged(load, floors) {
  return floors.flatMap(({ load: name, variant, over, overLoad = name }) => [
    ...(name === load.name ? [variant] : []),
    ...(overLoad === load.name ? [over] : []),
  ]);
}
