import { mergeFamilies } from '../../../src/support/metrics/merge.js';
import type {
  HistogramSample,
  Labels,
  MetricFamily,
  NumberSample,
} from '../../../src/support/metrics/metric-family.js';
import { rebin, seriesKey, type TotalFamily } from '../../../src/support/metrics/series.js';
import {
  ChangedTotals,
  KnownTotals,
  RetainedTotals,
  receivedFamilies,
} from '../../../src/support/metrics/totals.js';

const counter = (name: string, ...samples: [Labels, number][]): MetricFamily => ({
  name,
  help: 'h',
  type: 'counter',
  aggregation: 'total',
  samples: samples.map(([labels, value]) => ({ labels, value })),
});
const gauge = (aggregation: 'sum' | 'max' | 'min' | 'average', value: number): MetricFamily => ({
  name: aggregation,
  help: 'h',
  type: 'gauge',
  aggregation,
  samples: [{ labels: {}, value }],
});
const histogram = (bounds: number[], counts: number[], sum: number, labels: Labels = {}): MetricFamily => ({
  name: 'seconds',
  help: 'h',
  type: 'histogram',
  aggregation: 'total',
  bounds,
  samples: [{ labels, counts, sum }],
});
const values = (families: readonly MetricFamily[]): Record<string, unknown> =>
  Object.fromEntries(
    families.flatMap(({ name, samples }) =>
      samples.map((sample) => [
        name + seriesKey(sample.labels),
        'value' in sample ? sample.value : [sample.counts, sample.sum],
      ]),
    ),
  );

describe('merged metrics of workers', () => {
  it('add counters for each set of labels, in any order of the labels', () => {
    const merged = mergeFamilies([
      [counter('requests', [{ method: 'GET', route: '/' }, 2], [{ method: 'PUT', route: '/' }, 1])],
      [counter('requests', [{ route: '/', method: 'GET' }, 5])],
      [counter('other', [{}, 1])],
    ]);
    expect(merged).toEqual([
      counter('requests', [{ method: 'GET', route: '/' }, 7], [{ method: 'PUT', route: '/' }, 1]),
      counter('other', [{}, 1]),
    ]);
  });

  it('distinguish labels whose texts are equal when they are joined', () => {
    const merged = mergeFamilies([
      [counter('c', [{ a: '1","b', b: '2' }, 1])],
      [counter('c', [{ a: '1', b: '","b2' }, 1])],
    ]);
    expect(merged[0]?.samples).toHaveLength(2);
  });

  it('combine each gauge in its own way', () => {
    const worker = (value: number) =>
      (['sum', 'max', 'min', 'average'] as const).map((way) => gauge(way, value));
    expect(values(mergeFamilies([worker(1), worker(2), worker(6)]))).toEqual({
      'sum[]': 9,
      'max[]': 6,
      'min[]': 1,
      'average[]': 3,
    });
  });

  it('add histograms bucket by bucket', () => {
    const merged = mergeFamilies([[histogram([1, 2], [1, 0, 3], 20)], [histogram([1, 2], [1, 5, 0], 8)]]);
    expect(merged).toEqual([histogram([1, 2], [2, 5, 3], 28)]);
  });

  it('convert a histogram of an older version to the bounds of the newer one', () => {
    const merged = mergeFamilies([
      [histogram([1, 3], [1, 2, 4], 9)],
      [histogram([1, 2, 5], [1, 1, 1, 1], 9)],
    ]);
    expect(merged).toEqual([histogram([1, 2, 5], [2, 1, 3, 5], 18)]);
  });

  it('use the type of the newest version, and leave out the metric of another type', () => {
    const old = counter('seconds', [{}, 3]);
    const next = histogram([1], [1, 1], 2);
    expect(mergeFamilies([[old], [next]])).toEqual([next]);
    expect(mergeFamilies([[next], [old]])).toEqual([old]);
  });

  it('retain the number of values and each count up to a common bound, for random bounds', () => {
    const random = generator(7);
    const bounds = () =>
      [...new Set(Array.from({ length: 1 + random(6) }, () => random(20)))].sort((a, b) => a - b);
    const upTo = (counts: readonly number[], at: number) =>
      counts.slice(0, at + 1).reduce((one, two) => one + two, 0);
    for (let round = 0; round < 500; round++) {
      const [from, to] = [bounds(), bounds()];
      const counts = Array.from({ length: from.length + 1 }, () => random(9));
      const converted = rebin(counts, from, to);
      expect(upTo(converted, to.length)).toBe(upTo(counts, from.length));
      for (const [at, bound] of to.entries()) {
        const same = from.indexOf(bound);
        if (same !== -1) expect(upTo(converted, at)).toBe(upTo(counts, same));
      }
    }
  });
});

describe('totals of workers', () => {
  it('equal all that was counted, while random workers count, change their version and exit', () => {
    const random = generator(42);
    const layouts = [[1, 2], [1, 4, 9], [1]];
    const retained = new RetainedTotals(1000);
    const counted = new Map<string, { all: number; upToOne: number }>();
    const start = () => {
      const known = new KnownTotals();
      const changed = new ChangedTotals();
      const bounds = layouts[random(layouts.length)] as number[];
      const routes = new Map<string, number[]>();
      return {
        known,
        count(): void {
          const route = `/${random(4)}`;
          const counts = routes.get(route) ?? [...bounds, 0].fill(0);
          const place = random(counts.length);
          routes.set(
            route,
            counts.map((count, at) => (at === place ? count + 1 : count)),
          );
          const { all, upToOne } = counted.get(route) ?? { all: 0, upToOne: 0 };
          counted.set(route, { all: all + 1, upToOne: upToOne + (place === 0 ? 1 : 0) });
        },
        report(): void {
          const samples = [...routes].map(([route, counts]) => ({ labels: { route }, counts, sum: 0 }));
          const { name, help, type, aggregation } = histogram([], [], 0) as TotalFamily;
          known.update(changed.since([{ name, help, type, aggregation, bounds, samples } as TotalFamily]));
        },
      };
    };
    const workers = new Map<number, ReturnType<typeof start>>();
    for (let step = 1; step < 1000; step++) {
      if (workers.size < 4) workers.set(step, start());
      const [id, worker] = [...workers][random(workers.size)] as [number, ReturnType<typeof start>];
      for (let requests = random(3); requests > 0; requests--) worker.count();
      worker.report();
      if (random(5) === 0) {
        retained.add(id, worker.known.families());
        workers.delete(id);
      }
      const merged = mergeFamilies([
        retained.families,
        ...[...workers.values()].map(({ known }) => known.families()),
      ]);
      const samples = (merged[0]?.samples ?? []) as readonly HistogramSample[];
      const seen = samples.map(({ labels, counts }) => [
        labels.route,
        { all: counts.reduce((one, two) => one + two, 0), upToOne: counts[0] },
      ]);
      expect(new Map(seen as never)).toEqual(counted);
    }
  });

  it('are sent again only where they have changed', () => {
    const changed = new ChangedTotals();
    const known = new KnownTotals();
    const report = (families: readonly MetricFamily[]) => {
      const sent = changed.since(families);
      known.update(sent);
      return values(sent);
    };
    const first = [
      counter('c', [{ r: 'a' }, 1], [{ r: 'b' }, 1]),
      histogram([1], [1, 0], 1),
      gauge('sum', 3),
    ];
    expect(Object.keys(report(first))).toEqual(['c[["r","a"]]', 'c[["r","b"]]', 'seconds[]']);
    expect(report(first)).toEqual({});
    const next = [counter('c', [{ r: 'a' }, 1], [{ r: 'b' }, 2]), histogram([1], [1, 1], 4), gauge('sum', 4)];
    expect(report(next)).toEqual({ 'c[["r","b"]]': 2, 'seconds[]': [[1, 1], 4] });
    expect(values(known.families())).toEqual({
      'c[["r","a"]]': 1,
      'c[["r","b"]]': 2,
      'seconds[]': [[1, 1], 4],
    });
  });

  it('are the same in each order of addition, and have no series without a number', () => {
    const random = generator(3);
    const all = Array.from({ length: 200 }, () => counter('c', [{}, random(1e6) / 1e5]));
    const sum = (families: readonly MetricFamily[]) => values(mergeFamilies(families.map((one) => [one])));
    const received = receivedFamilies([...all, counter('c', [{}, null as never])]);
    expect(received.at(-1)?.samples).toEqual([]);
    expect(sum(received)).toEqual(sum([...received].reverse()));
    expect(sum(received)).not.toEqual(sum(all));
    expect(sum(all)).not.toEqual(sum([...all].reverse()));
  });

  it('of workers that have exited have a bounded number of series, and their sum stays the same', () => {
    const retained = new RetainedTotals(10);
    for (let id = 1; id <= 1000; id++)
      retained.add(id, [counter('c', [{ r: `/${id}`, m: 'GET' }, 1]) as TotalFamily]);
    const samples = (retained.families[0]?.samples ?? []) as readonly NumberSample[];
    expect(samples).toHaveLength(11);
    expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(1000);
    expect(samples.at(-1)).toEqual({ labels: { r: 'other', m: 'other' }, value: 990 });
  });
});

/** Numbers that are the same in each run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
