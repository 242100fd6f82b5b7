/** The labels of one series. */
export type Labels = Readonly<Record<string, string>>;

/** How the values of several workers become one: `total` adds them, also those of workers that have exited. */
export type Aggregation = 'total' | 'sum' | 'max' | 'min' | 'average';

/** One series of a counter or a gauge. */
export interface NumberSample {
  readonly labels: Labels;
  readonly value: number;
}

/** One series of a histogram. `counts` has one number for each bound, and one for what is above the last. */
export interface HistogramSample {
  readonly labels: Labels;
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A metric with all its series, as plain data: a worker sends it to its primary. */
export type MetricFamily = {
  readonly name: string;
  readonly help: string;
} & (
  | { readonly type: 'counter'; readonly aggregation: 'total'; readonly samples: readonly NumberSample[] }
  | {
      readonly type: 'gauge';
      readonly aggregation: Exclude<Aggregation, 'total'>;
      readonly samples: readonly NumberSample[];
    }
  | {
      readonly type: 'histogram';
      readonly aggregation: 'total';
      /** The upper bounds of the buckets, in ascending order, without infinity. */
      readonly bounds: readonly number[];
      readonly samples: readonly HistogramSample[];
    }
);
