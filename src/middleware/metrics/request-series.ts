import { Distribution } from './distribution.js';
import { errorKinds } from './error-kinds.js';
import { methodNames } from './http-methods.js';

/** The buckets that OpenTelemetry advises for `http.server.request.duration`, in seconds. */
export const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
export const sizeBounds = [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

/** The requests of one route and method. */
export class MethodSeries {
  readonly durations = new Map<number, Distribution>();
  readonly sizes = new Distribution(sizeBounds);
  aborted = 0;
}

/** The requests of one route. */
export class RouteSeries {
  readonly label: string;
  readonly methods: (MethodSeries | undefined)[] = methodNames.map(() => undefined);
  readonly errors = new Float64Array(errorKinds.length);

  constructor(label: string) {
    this.label = label;
  }
}
