import { mergeFamilies } from './merge.js';
import type { Labels, MetricFamily } from './metric-family.js';
import { isTotal, type Sample, seriesKey, type TotalFamily } from './series.js';

/** The last known counters and histograms of one worker. */
export class KnownTotals {
  readonly #families = new Map<string, { family: TotalFamily; series: Map<string, Sample> }>();

  /** Replaces the series that are given, unless a newer value is known. A worker sends those that have changed. */
  update(families: readonly MetricFamily[]): void {
    for (const family of families) {
      if (!isTotal(family)) continue;
      const series = this.#families.get(family.name)?.series ?? new Map<string, Sample>();
      for (const sample of family.samples) {
        const key = seriesKey(sample.labels);
        const known = series.get(key);
        if (known === undefined || amountOf(sample) >= amountOf(known)) series.set(key, sample);
      }
      this.#families.set(family.name, { family, series });
    }
  }

  families(): TotalFamily[] {
    return [...this.#families.values()].map(
      ({ family, series }) => ({ ...family, samples: [...series.values()] }) as TotalFamily,
    );
  }
}

/** Finds the series that have changed since the last call. */
export class ChangedTotals {
  readonly #sent = new Map<string, number>();

  since(families: readonly MetricFamily[]): TotalFamily[] {
    const changed: TotalFamily[] = [];
    for (const family of families) {
      if (!isTotal(family)) continue;
      const samples = (family.samples as readonly Sample[]).filter((sample) =>
        this.#isChanged(family.name, sample),
      );
      if (samples.length > 0) changed.push({ ...family, samples } as TotalFamily);
    }
    return changed;
  }

  #isChanged(name: string, sample: Sample): boolean {
    const key = `${name}${seriesKey(sample.labels)}`;
    const now = amountOf(sample);
    if (this.#sent.get(key) === now) return false;
    this.#sent.set(key, now);
    return true;
  }
}

/**
 * The totals of all workers that have exited. Their number of series is bounded: series beyond it are added to one whose
 * labels all are `other`.
 */
export class RetainedTotals {
  readonly #maxSeries: number;
  #families: readonly TotalFamily[] = [];
  #newest = 0;

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  get families(): readonly TotalFamily[] {
    return this.#families;
  }

  /** @param id the number of the worker; the bounds of the newest one are used */
  add(id: number, families: readonly TotalFamily[]): void {
    const isNewest = id >= this.#newest;
    const sources = isNewest ? [this.#families, families] : [families, this.#families];
    if (isNewest) this.#newest = id;
    this.#families = mergeFamilies(sources)
      .filter(isTotal)
      .map((family) => this.#bounded(family));
  }

  #bounded(family: TotalFamily): TotalFamily {
    const samples = family.samples as readonly Sample[];
    if (samples.length <= this.#maxSeries) return family;
    const folded = samples.map((sample, at) =>
      at < this.#maxSeries ? sample : { ...sample, labels: others(sample.labels) },
    );
    return mergeFamilies([[{ ...family, samples: folded } as TotalFamily]])[0] as TotalFamily;
  }
}

/** The value of a counter, or the number of all values of a histogram. */
function amountOf(sample: Sample): number {
  return 'value' in sample ? sample.value : sample.counts.reduce((one, two) => one + two, 0);
}

function others(labels: Labels): Labels {
  return Object.fromEntries(Object.keys(labels).map((name) => [name, 'other']));
}

/**
 * Returns the metrics that have arrived as JSON without the series whose value was no finite number, which are `null`.
 * Totals are rounded to 2^-20: sums of these have no rounding error, and fall in no order of addition.
 */
export function receivedFamilies(families: readonly MetricFamily[]): MetricFamily[] {
  return families.map((family) => {
    const samples = (family.samples as readonly Sample[]).flatMap((sample): Sample[] => {
      const value = 'value' in sample ? sample.value : sample.sum;
      if (!Number.isFinite(value)) return [];
      if (!isTotal(family)) return [sample];
      const rounded = Math.round(value * 2 ** 20) / 2 ** 20;
      return ['value' in sample ? { ...sample, value: rounded } : { ...sample, sum: rounded }];
    });
    return { ...family, samples } as MetricFamily;
  });
}
