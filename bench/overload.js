// Twice what a server can do, with and without load shedding. `node bench/overload.js --help` lists the options.
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildLibrary } from './installs.js';
import { closedLoop, openLoop } from './overload/clients.js';
import { startServer, workPerMs } from './overload/server.js';
import { median } from './statistics.js';

const usage = `node bench/overload.js [options]

  --check            fail when ours is under its limits: useful answers 75 % of capacity, p99 3 times normal, no
                     probe unanswered, a refusal 10 % of an answer (medians of the rounds)
  --rounds N         default 3
  --seconds S        of overload, after 2 s that are not counted; default 4
  --work MS          of CPU per request; default 5
  --factor F         load as a multiple of capacity; default 2
  --only VARIANTS    of none, delay, ours
  --kinds KINDS      of new, keep-alive
  --workers N        the server is a cluster of N workers; default 0, no cluster
  --accept WHO       'primary' or 'workers': who accepts in a cluster; default primary, as in Node
`;

const leadInSeconds = 2;
const floodFactor = 8;
/** Until what waited is done and shedding has ended. */
const calmMs = 3000;
const limits = { useful: 0.75, p99: 3, probes: 1, refusal: 0.1 };

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    work: { type: 'string', default: '5' },
    factor: { type: 'string', default: '2' },
    only: { type: 'string', default: 'none,delay,ours' },
    kinds: { type: 'string', default: 'new,keep-alive' },
    workers: { type: 'string', default: '0' },
    accept: { type: 'string', default: 'primary' },
    help: { type: 'boolean', default: false },
  },
});

/** One server, first at its ease and then at its limit: every figure is a share of what the same process did before. */
async function measure(variant, kind, loops) {
  const server = await startServer({
    variant,
    loops,
    workers: Number(values.workers),
    accept: values.accept,
  });
  try {
    const keepAlive = kind === 'keep-alive';
    await closedLoop(server.origin, { keepAlive, seconds: 1 });
    const idle = await server.state();
    const { perSecond: capacity } = await closedLoop(server.origin, { keepAlive, seconds: 2 });
    const loaded = await server.state();
    const answerCost = (loaded.cpu - idle.cpu) / (loaded.served - idle.served);
    const normal = await openLoop(server.origin, { keepAlive, perSecond: 0.7 * capacity, seconds: 3 });
    const overload = { keepAlive, perSecond: Number(values.factor) * capacity };
    await openLoop(server.origin, { ...overload, seconds: leadInSeconds, settle: false });
    const { useful, seconds, p99, probes, probesAnswered } = await openLoop(server.origin, {
      ...overload,
      seconds: Number(values.seconds),
    });
    const { refused: reasons } = await server.state();
    const refusal =
      variant === 'ours' ? await refusalCost(server, { keepAlive, capacity, answerCost }) : Number.NaN;
    await setTimeout(calmMs);
    const { perSecond: capacityAfter } = await closedLoop(server.origin, { keepAlive, seconds: 2 });
    return {
      capacity,
      capacityAfter,
      // a busy machine must not make the server look better than it is
      useful: useful / seconds / Math.max(capacity, capacityAfter),
      normalP99: normal.p99,
      p99: p99 / normal.p99,
      probes: probesAnswered / probes,
      refusal,
      reasons,
    };
  } finally {
    server.stop();
  }
}

/** What a refusal costs of an answer, under a flood: there are enough of them to be seen beside the answers. */
async function refusalCost(server, { keepAlive, capacity, answerCost }) {
  const start = await server.state();
  await openLoop(server.origin, { keepAlive, perSecond: floodFactor * capacity, seconds: 2 });
  const end = await server.state();
  const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);
  const cpu = end.cpu - start.cpu - (end.served - start.served) * answerCost;
  return cpu / (sum(end.refused) - sum(start.refused)) / answerCost;
}

async function run() {
  buildLibrary((text) => console.error(text));
  const loops = Math.round(workPerMs() * Number(values.work));
  const failures = [];
  for (const kind of values.kinds.split(',')) {
    const results = Object.fromEntries(values.only.split(',').map((variant) => [variant, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const variant of Object.keys(results)) {
        const result = await measure(variant, kind, loops);
        console.error(kind, variant, JSON.stringify(result));
        results[variant].push(result);
      }
    }
    console.log(`\n${values.factor} times capacity by ${kind} connections\n`);
    console.log(
      '| | useful, share of capacity | p99, times normal | probes answered | refusal, share of an answer |',
    );
    console.log('| --- | --- | --- | --- | --- |');
    for (const [variant, rounds] of Object.entries(results)) {
      const of = (name) => median(rounds.map((result) => result[name]));
      const cells = ['useful', 'p99', 'probes', 'refusal'].map((name) => {
        const all = rounds.map((result) => result[name]);
        if (Number.isNaN(of(name))) return '–';
        return `${of(name).toFixed(2)} (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)})`;
      });
      console.log(`| ${variant} | ${cells.join(' | ')} |`);
      if (variant !== 'ours') continue;
      if (!(of('useful') >= limits.useful)) failures.push(`${kind}: useful answers`);
      if (!(of('p99') < limits.p99)) failures.push(`${kind}: p99`);
      if (!(of('probes') >= limits.probes)) failures.push(`${kind}: probes`);
      if (!(of('refusal') < limits.refusal)) failures.push(`${kind}: cost of a refusal`);
    }
  }
  if (values.check && failures.length > 0) {
    console.error(`beyond its limit: ${failures.join('; ')}`);
    process.exitCode = 1;
  }
}

if (values.help) console.log(usage);
else await run();
