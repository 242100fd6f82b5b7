import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { killAll, run } from './helpers/program.js';

// bench/ is plain ESM and runs as such, in one process for all tests
const functions = fork(path.join(__dirname, 'fixtures/bench-functions.mjs'), { serialization: 'advanced' });

/** What a function of bench/ returns, or the value of another export. */
async function of(module: string, name: string, ...args: unknown[]): Promise<unknown> {
  functions.send([module, name, args]);
  const [{ value, error }] = (await once(functions, 'message')) as [{ value: unknown; error?: string }];
  if (error !== undefined) throw new Error(error);
  return value;
}

interface Spread {
  median: number;
  min: number;
  max: number;
}
type Costs = Record<string, Record<string, number[]>>;
interface Floor {
  load: string;
  variant: string;
  over: string;
  floor: Record<string, number>;
  target: Record<string, number>;
}
interface Named {
  name: string;
  baseline: string;
  loads?: string[];
}
interface Plan {
  load: Named;
  variants: Named[];
}

const { floors } = JSON.parse(readFileSync(path.join(__dirname, '../bench/floors.json'), 'utf8')) as {
  floors: Floor[];
};
const median = (values: number[]) => of('statistics', 'median', values);
const ratio = (...args: number[][]) => of('statistics', 'ratio', ...args) as Promise<Spread>;
const difference = (...args: number[][]) => of('statistics', 'difference', ...args);
const rotated = (...args: [items: unknown[], round: number, rounds: number]) =>
  of('statistics', 'rotated', ...args) as Promise<unknown[]>;
const checkFloors = (...args: [floors: Floor[], costs: Costs, major: string]) =>
  of('floors', 'checkFloors', ...args) as Promise<{ floor?: number }[]>;
const escapeXml = (text: string) => of('chart', 'escapeXml', text);
const chart = (costs: Record<string, number[]>, title = 'X') =>
  of('chart', 'chart', { node: 'v24.0.0', costs: { x: costs } }, { name: 'x', title }) as Promise<string>;
const variants = () => of('variants', 'variants') as Promise<Named[]>;
const loads = () => of('loads', 'loads') as Promise<Named[]>;
const readSettings = (args: string[]) => of('settings', 'readSettings', args);
const plan = async (...args: string[]) =>
  (await of('settings', 'planOf', await readSettings(args), floors)) as Plan[];

const bench = path.join(__dirname, '../bench/run.js');
const names = (items: Named[]) => items.map(({ name }) => name);

afterEach(killAll);
afterAll(() => functions.disconnect());

describe('statistics', () => {
  test('the median is the middle one, or the mean of the middle two, whatever the order', async () => {
    expect(await median([9, 1, 5])).toBe(5);
    expect(await median([10, 2, 4, 1])).toBe(3);
    expect(await median([7])).toBe(7);
  });

  test('a ratio pairs what was measured in the same round', async () => {
    // the second round ran on a slower machine: both took ten times as long
    expect(await ratio([10, 100, 10], [20, 200, 30])).toEqual({ median: 2, min: 2, max: 3 });
  });

  test('less CPU than the baseline is more than 1, more CPU is less', async () => {
    expect((await ratio([5], [10])).median).toBe(2);
    expect((await ratio([10], [5])).median).toBe(0.5);
  });

  test('a difference pairs the same way', async () => {
    expect(await difference([12, 105, 13], [10, 100, 10])).toEqual({ median: 3, min: 2, max: 5 });
  });

  test('each round has all variants, and starts with another one', async () => {
    const orders = [];
    for (const round of [0, 1, 2]) orders.push((await rotated(['a', 'b', 'c'], round, 3)).join(''));
    expect(orders).toEqual(['abc', 'bca', 'cab']);
  });

  test('with more variants than rounds the starts are spread over the list', async () => {
    const items = Array.from({ length: 10 }, (_, index) => index);
    expect((await rotated(items, 0, 2))[0]).toBe(0);
    expect((await rotated(items, 1, 2))[0]).toBe(5);
  });
});

describe('floors', () => {
  const floor: Floor = {
    load: 'json',
    variant: 'ours5',
    over: 'express5',
    floor: { 24: 1.2 },
    target: { 24: 1.5 },
  };

  test('a median under the floor fails, one at it does not', async () => {
    const at = (cost: number) => checkFloors([floor], { json: { ours5: [cost], express5: [120] } }, '24');
    expect(await at(100)).toMatchObject([{ floor: 1.2, target: 1.5, ok: true }]);
    expect(await at(101)).toMatchObject([{ ok: false }]);
  });

  test('one slow round is not the median', async () => {
    const costs = { json: { ours5: [100, 500, 100], express5: [150, 150, 150] } };
    expect(await checkFloors([floor], costs, '24')).toMatchObject([{ ok: true, measured: { min: 0.3 } }]);
  });

  test('a version of Node without a floor is measured and not judged', async () => {
    const [result] = await checkFloors([floor], { json: { ours5: [200], express5: [100] } }, '20');
    expect(result).toMatchObject({ ok: true, measured: { median: 0.5 } });
    expect(result?.floor).toBeUndefined();
  });

  test('a pair that was not measured is left out', async () => {
    expect(await checkFloors([floor], { json: { ours5: [1] } }, '24')).toEqual([]);
    expect(await checkFloors([floor], {}, '24')).toEqual([]);
  });

  test('floors.json names variants and loads that exist, and that run together', async () => {
    const [allVariants, allLoads] = [await variants(), await loads()];
    for (const { load, variant, over } of floors) {
      expect(names(allLoads)).toContain(load);
      for (const name of [variant, over]) {
        const found = allVariants.find((each) => each.name === name);
        expect(found?.loads ?? [load]).toContain(load);
      }
    }
  });

  test('no floor is above its target', () => {
    for (const { floor, target } of floors) {
      for (const [major, value] of Object.entries(floor))
        expect(value).toBeLessThanOrEqual(target[major] ?? 0);
    }
  });
});

describe('plan', () => {
  test('by default every variant runs somewhere, with its baseline beside it', async () => {
    const steps = await plan();
    expect(names(steps.map(({ load }) => load))).toEqual(names(await loads()));
    const everywhere = steps.flatMap((step) => names(step.variants));
    expect(new Set(everywhere)).toEqual(new Set(names(await variants())));
    for (const step of steps) {
      for (const { baseline } of step.variants) expect(names(step.variants)).toContain(baseline);
    }
  });

  test('--only brings the baseline along, and no more', async () => {
    const [step] = await plan('--only', 'ours4', '--loads', 'json');
    expect(names(step?.variants ?? [])).toEqual(['express4', 'ours4']);
  });

  test('--check measures what floors.json names', async () => {
    const steps = await plan('--check');
    for (const { load, variants: measured } of steps) {
      for (const floor of floors.filter((each) => each.load === load.name)) {
        expect(names(measured)).toEqual(expect.arrayContaining([floor.variant, floor.over]));
      }
    }
    expect(steps.length).toBe(new Set(floors.map(({ load }) => load)).size);
  });

  test.each([
    [['--rounds', '0'], /--rounds: expected a number above 0, got '0'/],
    [['--rounds', '1.5'], /--rounds/],
    [['--seconds', 'many'], /--seconds: expected a number above 0, got 'many'/],
    [['--only', 'koa'], /--only: expected some of raw, .*got 'koa'/],
    [['--loads', 'json,'], /--loads: expected some of json, .*got ''/],
    [['--generator', 'ab'], /--generator: expected wrk or autocannon, got 'ab'/],
    [['--fast'], /--fast/],
  ])('%j is refused', async (args, message) => {
    await expect(readSettings(args)).rejects.toThrow(message);
  });
});

describe('chart', () => {
  test('names are text in XML, not markup', async () => {
    expect(await escapeXml(`a < b & "c" > 'd'`)).toBe('a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;');
    const svg = await chart({ express5: [2], ours5: [1] }, '<b>&');
    expect(svg).toContain('&lt;b&gt;&amp;');
    expect(svg).not.toContain('<b>');
  });

  test('has a bar for each measured variant, and its figures as text', async () => {
    const svg = await chart({ express5: [3], ours5: [2] });
    expect(svg.match(/class="(bar|ours)"/g)).toEqual(['class="bar"', 'class="ours"']);
    expect(svg).toContain('productionize, Express 5: 1.50x</desc>');
    expect(svg).toContain('prefers-color-scheme:dark');
  });

  test('no bar exceeds the picture, however slow or fast', async () => {
    for (const cost of [0.001, 1, 1000]) {
      const svg = await chart({ express5: [1], ours5: [cost] });
      for (const [, x, width] of svg.matchAll(
        /<rect class="(?:bar|ours)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g,
      )) {
        expect(Number(x) + Number(width)).toBeLessThanOrEqual(700);
      }
    }
  });
});

test('a script for wrk carries method, headers and body as Lua strings', async () => {
  const script = await of('load-generator', 'wrkScript', {
    method: 'POST',
    headers: { 'X-Name': 'a"b' },
    body: '{"a":1}',
  });
  expect(script).toContain('wrk.method = "POST"');
  expect(script).toContain('wrk.headers["X-Name"] = "a\\"b"');
  expect(script).toContain('wrk.body = "{\\"a\\":1}"');
});

describe('the whole bench', () => {
  const tiny = ['--rounds', '1', '--seconds', '0.2', '--warmup', '1', '--generator', 'autocannon'];
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bench-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('a tiny round of two variants gives a table, figures and a chart', async () => {
    const [json, svg, markdown] = ['r.json', 'r.svg', 'r.md'].map((file) => path.join(folder, file)) as [
      string,
      string,
      string,
    ];
    const files = ['--json', json, '--svg', svg, '--markdown', markdown];
    const program = run(bench, { args: [...tiny, '--only', 'express5,ours5', '--loads', 'post', ...files] });
    const { code } = await program.exit();
    if (code !== 0) throw new Error(`exit ${code}: ${[...program.err, ...program.out].join('\n')}`);
    const result = JSON.parse(await readFile(json, 'utf8')) as {
      node: string;
      generator: string;
      costs: Costs;
    };
    expect(result.node).toBe(process.version);
    expect(result.generator).toBe('autocannon');
    expect(Object.keys(result.costs.post ?? {})).toEqual(['express5', 'ours5']);
    for (const [cost] of Object.values(result.costs.post ?? {})) expect(cost).toBeGreaterThan(0);
    expect(program.out.join('\n')).toMatch(/\| productionize, Express 5 \| [\d.]+ \| [\d.]+x \|/);
    expect(await readFile(markdown, 'utf8')).toContain('| productionize, Express 5 |');
    expect(await readFile(svg, 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
  }, 240_000);

  test('a mistake on the command line is one line on stderr and exit code 1', async () => {
    const program = run(bench, { args: ['--only', 'nothing'] });
    expect((await program.exit()).code).toBe(1);
    expect(program.err.length).toBe(1);
  });
});
