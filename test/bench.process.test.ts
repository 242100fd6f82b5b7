import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
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
  overLoad?: string;
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
  of('floors', 'checkFloors', ...args) as Promise<{ name: string; floor?: number }[]>;
const escapeXml = (text: string) => of('chart', 'escapeXml', text);
const chart = (costs: Record<string, number[]>, title = 'X') =>
  of('chart', 'chart', { node: '24.0.0', costs }, { name: 'x', title }) as Promise<string>;
const variants = () => of('variants', 'variants') as Promise<Named[]>;
const loads = () => of('loads', 'loads') as Promise<Named[]>;
const readSettings = (args: string[]) => of('settings', 'readSettings', args);
const plan = async (...args: string[]) =>
  (await of('settings', 'planOf', await readSettings(args), floors)) as Plan[];

/** Rows of a table without what aligns their columns. */
const withoutPadding = (rows: string) => rows.replace(/ +\|/g, ' |');

const bench = path.join(__dirname, '../bench/run.js');
const names = (items: Named[]) => items.map(({ name }) => name);

afterEach(killAll);
afterAll(() => functions.disconnect());

describe('statistics', () => {
  test('all are measured in turns, from the first to the last and back', async () => {
    const texts: string[] = [];
    for (const seconds of [0.2, 1, 2, 3]) {
      texts.push(((await of('statistics', 'turnsOf', ['a', 'b', 'c'], seconds)) as string[]).join(''));
    }
    expect(texts).toEqual(['abc', 'abc', 'abccba', 'abccbaabc']);
  });

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

  test('a floor can compare with a variant under another load', async () => {
    const costs = { many: { ours5: [30] }, one: { ours5: [24], express5: [50] } };
    const across = { ...floor, load: 'many', over: 'ours5', overLoad: 'one', floor: { 24: 0.87 } };
    expect(await checkFloors([across], costs, '24')).toMatchObject([
      { name: 'many: ours5 over ours5 under one', measured: { median: 0.8 }, ok: false },
    ]);
    expect(await checkFloors([across], { many: { ours5: [30] } }, '24')).toEqual([]);
  });

  test('floors.json names variants and loads that exist, and that run together', async () => {
    const steps = await plan();
    const measured = (load: string) => names(steps.find((step) => step.load.name === load)?.variants ?? []);
    for (const { load, variant, over, overLoad = load } of floors) {
      expect(measured(load)).toContain(variant);
      expect(measured(overLoad)).toContain(over);
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
    const [step] = await plan('--only', 'ours4', '--load', 'json');
    expect(names(step?.variants ?? [])).toEqual(['express4', 'ours4']);
  });

  test('--check measures what floors.json names', async () => {
    const steps = await plan('--check');
    const measured = (load: string) => names(steps.find((step) => step.load.name === load)?.variants ?? []);
    for (const { load, variant, over, overLoad = load } of floors) {
      expect(measured(load)).toContain(variant);
      expect(measured(overLoad)).toContain(over);
    }
    const loadsOfFloors = floors.flatMap(({ load, overLoad = load }) => [load, overLoad]);
    expect(steps.length).toBe(new Set(loadsOfFloors).size);
  });

  test('--node takes several versions', async () => {
    expect(await readSettings(['--node', '20,24'])).toMatchObject({ node: [20, 24] });
    expect(await readSettings([])).toMatchObject({ node: undefined });
  });

  test.each([
    [['--rounds', '0'], /--rounds: expected a number above 0, got '0'/],
    [['--rounds', '1.5'], /--rounds/],
    [['--seconds', 'many'], /--seconds: expected a number above 0, got 'many'/],
    [['--only', 'koa'], /--only: expected some of raw, .*got 'koa'/],
    [['--load', 'json,'], /--load: expected some of real, .*got ''/],
    [['--node', '24,x'], /--node: expected a number above 0, got 'x'/],
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

describe('check of a response', () => {
  const small = Buffer.from('{"ok":true}');
  let server: Server;

  beforeAll(async () => {
    server = createServer((req, res) => {
      if (req.url === '/compressed') res.setHeader('Content-Encoding', 'gzip').end(gzipSync(small));
      else if (req.url === '/other') res.end('{"ok":false}');
      else res.end(small);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => server.close());

  const check = async (path: string, load: object = {}) => {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const expected = { name: 'x', method: 'GET', path, headers: {}, body: '', status: 200, sameBody: true };
    const bodies = new Map([['x', { body: small, variant: { name: 'first' } }]]);
    const variant = { name: 'second', compresses: path === '/compressed' };
    await of('measure', 'check', { origin }, { ...expected, encoded: true, ...load }, variant, { bodies });
  };

  test('has the body of the first variant, compressed or not', async () => {
    await check('/');
    await check('/compressed');
  });

  test('another body fails, unless bodies differ under that load', async () => {
    await expect(check('/other')).rejects.toThrow(
      /second under x: expected the body of first, {"ok":true}, got/,
    );
    await check('/other', { sameBody: false });
  });

  test('another status fails', async () => {
    await expect(check('/', { status: 201 })).rejects.toThrow(/expected 201, got 200, 11 bytes/);
  });
});

describe('tables', () => {
  const figures = (node: string, costs: Record<string, number[]>) => ({
    ...{ node, date: '2026-01-02', machine: '2 × CPU', generator: 'wrk', loadAverage: 0 },
    ...{ rounds: 1, seconds: 2, warmup: 1000, costs },
  });
  const results = {
    loads: {
      json: {
        24: figures('24.1.0', { raw: [10], express5: [30], ours5: [20], fastify: [40] }),
        26: figures('26.1.0', { express5: [30], ours5: [33] }),
      },
      real: { 24: figures('24.1.0', { express5: [50], ours5: [100] }) },
    },
    weight: {},
  };
  const tables = (of_ = results) => of('report', 'tablesOf', of_) as Promise<string[]>;
  const rowsBelow = (lines: string[], heading: string) =>
    lines
      .slice(lines.indexOf(heading) + 4, lines.indexOf('', lines.indexOf(heading) + 2))
      .map(withoutPadding);

  test('against bare Express, the row with the least ratio on any Node is the first', async () => {
    expect(rowsBelow(await tables(), '## Against bare Express')).toEqual([
      '| A real app: GET | productionize, Express 5 | 0.50x | |',
      '| Small JSON | productionize, Express 5 | 1.50x | 0.91x |',
    ]);
  });

  test('every other one that is faster has a row', async () => {
    expect(rowsBelow(await tables(), '## Where others are faster')).toEqual([
      '| Small JSON | productionize, Express 5 | node:http, no framework | 0.50x | |',
    ]);
  });

  test('a load has all its variants, worst first', async () => {
    expect(rowsBelow(await tables(), '### Small JSON')).toEqual([
      '| Fastify + logger + compress + under-pressure | 0.75x, 40.0 µs | |',
      '| productionize, Express 5 | 1.50x, 20.0 µs | 0.91x, 33.0 µs |',
      '| Express 5 | 1.00x, 30.0 µs | 1.00x, 30.0 µs |',
      '| node:http, no framework | 3.00x, 10.0 µs | |',
    ]);
  });

  test('the conditions of every measurement are listed once; a busy machine is stated', async () => {
    const busy = { ...figures('20.1.0', { express5: [1] }), loadAverage: 3 };
    const lines = await tables({ ...results, loads: { ...results.loads, view: { 20: busy } } } as never);
    expect(lines.slice(0, 4)).toEqual([
      '- Node 24.1.0, 2 × CPU, wrk, 2026-01-02: 1 × 2 s after 1000 requests',
      '- Node 26.1.0, 2 × CPU, wrk, 2026-01-02: 1 × 2 s after 1000 requests',
      expect.stringMatching(/^- Node 20.1.0.*busy/),
      '',
    ]);
  });

  test('a newer result takes the place of an older one, by load and Node', async () => {
    const newer = { loads: { json: { 26: figures('26.2.0', { ours5: [1] }) } }, weight: {} };
    const { loads } = (await of('publish', 'merged', results, newer)) as typeof results;
    expect(loads.json[24].node).toBe('24.1.0');
    expect(loads.json[26].node).toBe('26.2.0');
    expect(loads.real[24].node).toBe('24.1.0');
  });

  test('docs/benchmarks.md has the tables of bench/results.json', async () => {
    const page = await readFile(path.join(__dirname, '../docs/benchmarks.md'), 'utf8');
    const published = await of('publish', 'publishedResults');
    expect(await of('publish', 'withTables', page, published)).toBe(page);
    const replaced = (await of('publish', 'withTables', page, results)) as string;
    expect(withoutPadding(replaced)).toContain('| A real app: GET | productionize, Express 5 | 0.50x | |');
    expect(replaced.split('\n')[0]).toBe('# Benchmarks');
    expect(await of('publish', 'withTables', replaced, results)).toBe(replaced);
  });
});

describe('the whole bench', () => {
  const tiny = ['--rounds', '1', '--seconds', '0.2', '--warmup', '1', '--generator', 'autocannon'];
  const major = process.versions.node.split('.')[0] as string;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bench-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Runs the bench; its figures and what it printed. */
  async function measured(...args: string[]) {
    const json = path.join(folder, 'result.json');
    const program = run(bench, { args: [...tiny, '--json', json, ...args] });
    const { code } = await program.exit();
    if (code !== 0) throw new Error(`exit ${code}: ${[...program.err, ...program.out].join('\n')}`);
    const { loads } = JSON.parse(await readFile(json, 'utf8')) as {
      loads: Record<string, Record<string, { node: string; generator: string; costs: Costs[string] }>>;
    };
    return { loads, out: withoutPadding(program.out.join('\n')) };
  }

  test('a tiny round of two variants gives a table, figures and a chart', async () => {
    const [svg, markdown] = ['r.svg', 'r.md'].map((file) => path.join(folder, file)) as [string, string];
    const files = ['--svg', svg, '--markdown', markdown];
    const { loads, out } = await measured('--only', 'express5,ours5', '--load', 'post', ...files);
    const post = loads.post?.[major];
    expect(`v${post?.node}`).toBe(process.version);
    expect(post?.generator).toBe('autocannon');
    expect(Object.keys(post?.costs ?? {})).toEqual(['express5', 'ours5']);
    for (const [cost] of Object.values(post?.costs ?? {})) expect(cost).toBeGreaterThan(0);
    expect(out).toMatch(/\| productionize, Express 5 \| [\d.]+x, [\d.]+ µs \|/);
    expect(await readFile(markdown, 'utf8')).toContain('| productionize, Express 5 |');
    expect(await readFile(svg, 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
  }, 240_000);

  test('the first requests after start, and the latency of many clients, are figures as well', async () => {
    const { loads, out } = await measured('--only', 'ours5', '--load', 'cold,many-clients');
    for (const name of ['cold', 'many-clients']) {
      const costs = loads[name]?.[major]?.costs;
      expect(Object.keys(costs ?? {})).toEqual(['express5', 'ours5']);
      for (const [cost] of Object.values(costs ?? {})) expect(cost).toBeGreaterThan(0);
    }
    expect(out).toMatch(/\| productionize, Express 5 \| [\d.]+x, [\d.]+ ms \|/);
  }, 240_000);

  test('every variant responds alike under the loads of several frameworks', async () => {
    const load = 'real,real-post,params,routes-400,mounted,session';
    const program = run(bench, { args: ['--dry-run', '--load', load] });
    const { code } = await program.exit();
    if (code !== 0) throw new Error(program.err.at(-1));
    // 8 variants each, and the real app with metrics
    expect(program.err.filter((line) => line.includes(', Node ')).length).toBe(6 * 8 + 1);
  }, 240_000);

  test('--check fails under a floor that no server reaches, and not over one that all reach', async () => {
    const checked = async (floor: number) => {
      const file = path.join(folder, 'floors.json');
      const row = { load: 'params', variant: 'ours5', over: 'express5', target: { [major]: floor } };
      await writeFile(file, JSON.stringify({ floors: [{ ...row, floor: { [major]: floor } }] }));
      const program = run(bench, { args: [...tiny, '--check', '--floors', file] });
      const { code } = await program.exit();
      return { code, last: program.err.at(-1), out: withoutPadding(program.out.join('\n')) };
    };
    const impossible = await checked(1000);
    expect(impossible.code).toBe(1);
    expect(impossible.last).toBe(`under its floor on Node ${major}: params: ours5 over express5`);
    expect(impossible.out).toContain('| 1000.00x | 1000.00x | **under** |');
    const easy = await checked(0.001);
    expect(easy.code).toBe(0);
    expect(easy.out).toContain('| met |');
  }, 240_000);

  test('a mistake on the command line is one line on stderr and exit code 1', async () => {
    const program = run(bench, { args: ['--only', 'nothing'] });
    expect((await program.exit()).code).toBe(1);
    expect(program.err.length).toBe(1);
  });
});
