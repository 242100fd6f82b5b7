import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import { contextOf } from '../../support/context/context.js';
import type { Router } from '../../support/express-layers.js';
import type { HistogramSample, NumberSample } from '../../support/metrics/metric-family.js';
import { isSent } from '../../support/response-state.js';
import { Distribution } from './distribution.js';
import { type ErrorKind, errorKindOf, errorKinds } from './error-kinds.js';
import { methodIndex, methodNames } from './http-methods.js';
import { findInstruments, type RequestInstruments } from './open-telemetry.js';
import { durationBounds, MethodSeries, RouteSeries } from './request-series.js';
import { bodyBytes } from './response-size.js';
import { labelsOf, type Route, visitRoutes } from './route-labels.js';

/** The label of requests that no route handled, and of those beyond the limit of series. */
export const noRoute = '(no route)';
const overflow = '_OTHER';

/** Each series of the durations is 17 lines in a response, and an app may add routes while it runs. */
const mostSeries = 2000;

/**
 * Counts requests by route, method and status. A request costs one lookup for each; no text is built. No label contains
 * a value of a client.
 */
export class RequestRecorder {
  readonly active = new Float64Array(methodNames.length);
  /** The instruments of OpenTelemetry; `null` until they are looked for, which is at the first request. */
  #instruments: RequestInstruments | undefined | null = null;
  readonly #ignored = new WeakSet<IncomingMessage>();
  readonly #unmatched = new RouteSeries(noRoute);
  readonly #byLabel = new Map<string, RouteSeries>([[noRoute, this.#unmatched]]);
  /** The labels of a route: one, or several where its router is mounted more than once. */
  readonly #byRoute = new WeakMap<Route, RouteSeries | readonly RouteSeries[]>();
  #series = 0;

  /** Leaves the instruments of OpenTelemetry to another package for this request. */
  ignoreOpenTelemetry(req: IncomingMessage): void {
    this.#ignored.add(req);
  }

  begin(req: IncomingMessage, res: ServerResponse, method: string): void {
    const index = methodIndex(method);
    (this.active[index] as number)++;
    this.#instrumentsFor(req)?.begin(req, res, methodNames[index] as string);
  }

  /** Records a request whose response has closed. */
  end(req: IncomingMessage, res: ServerResponse, method: string, startedAt: number): void {
    const index = methodIndex(method);
    (this.active[index] as number)--;
    this.record(req, res, index, (performance.now() - startedAt) / 1000, true);
  }

  record(req: IncomingMessage, res: ServerResponse, index: number, seconds: number, wasBegun = false): void {
    const route = this.#routeOf(req as Request);
    const status = res.headersSent ? res.statusCode : 0;
    const method = this.#add(route, index, status, seconds);
    const completed = isSent(res) && (req.complete || !req.destroyed);
    if (completed) method.sizes.add(bodyBytes(req, res));
    else method.aborted++;
    if (!completed || status >= 500) this.#countError(route, errorKindOf(req, res, completed));
    const name = methodNames[index] as string;
    this.#instrumentsFor(req)?.end(
      { req, method: name, route: this.#named(route), status, seconds },
      wasBegun,
    );
  }

  /** Records a request that was refused before it had a route. */
  refused(req: IncomingMessage, status: number): void {
    const index = methodIndex(req.method ?? '');
    this.#add(this.#unmatched, index, status, 0);
    this.#countError(this.#unmatched, 'overload');
    this.#instrumentsFor(req)?.end({ req, method: methodNames[index] as string, status, seconds: 0 }, false);
  }

  /** Registers the labels of a router, so that cached responses of its routes are recognized. */
  expectRoutes({ stack }: Pick<Router, 'stack'>): void {
    visitRoutes(stack, '', (label) => {
      if (this.#byLabel.size < mostSeries) this.#labelled(label);
    });
  }

  #add(route: RouteSeries, index: number, status: number, seconds: number): MethodSeries {
    const method = route.methods[index];
    const durations = method?.durations.get(status);
    if (method === undefined || durations === undefined) return this.#addFirst(route, index, status, seconds);
    durations.add(seconds);
    return method;
  }

  #addFirst(route: RouteSeries, index: number, status: number, seconds: number): MethodSeries {
    if (this.#series >= mostSeries && route.label !== overflow) {
      return this.#add(this.#labelled(overflow), index, status, seconds);
    }
    this.#series++;
    const durations = new Distribution(durationBounds);
    durations.add(seconds);
    const method = route.methods[index] ?? new MethodSeries();
    method.durations.set(status, durations);
    route.methods[index] = method;
    return method;
  }

  #countError(route: RouteSeries, kind: ErrorKind | undefined): void {
    if (kind !== undefined) (route.errors[errorKinds.indexOf(kind)] as number)++;
  }

  #instrumentsFor(req: IncomingMessage): RequestInstruments | undefined {
    if (this.#instruments === undefined || this.#ignored.has(req)) return undefined;
    this.#instruments ??= findInstruments((begun) => this.#labelOf(begun));
    return this.#instruments;
  }

  #labelOf(req: IncomingMessage): string | undefined {
    return this.#named(this.#routeOf(req as Request));
  }

  #named(route: RouteSeries): string | undefined {
    return route === this.#unmatched ? undefined : route.label;
  }

  #routeOf(req: Request): RouteSeries {
    const route = req.route as Route | undefined;
    // the router did not run for a cached response, whose route may contain what a client sent
    if (route === undefined)
      return this.#byLabel.get(contextOf(req)?.matchedRoute ?? noRoute) ?? this.#unmatched;
    const known = this.#byRoute.get(route) ?? this.#learn(route, req);
    return known instanceof RouteSeries ? known : oneOf(known, req);
  }

  #learn(route: Route, req: Request): RouteSeries | readonly RouteSeries[] {
    const all = labelsOf(route, req).map((label) =>
      this.#byLabel.size < mostSeries || this.#byLabel.has(label)
        ? this.#labelled(label)
        : this.#labelled(overflow),
    );
    const learned = all.length === 1 ? (all[0] as RouteSeries) : all;
    this.#byRoute.set(route, learned);
    return learned;
  }

  #labelled(label: string): RouteSeries {
    let series = this.#byLabel.get(label);
    if (series === undefined) {
      series = new RouteSeries(label);
      this.#byLabel.set(label, series);
    }
    return series;
  }

  durationSamples(): HistogramSample[] {
    return this.#samples(({ durations }, labels) =>
      [...durations].map(([status, each]) =>
        each.sample({ ...labels, http_response_status_code: status === 0 ? '' : String(status) }),
      ),
    );
  }

  sizeSamples(): HistogramSample[] {
    return this.#samples(({ sizes }, labels) => [sizes.sample(labels)]);
  }

  abortedSamples(): NumberSample[] {
    return this.#samples(({ aborted }, labels) => (aborted > 0 ? [{ labels, value: aborted }] : []));
  }

  activeSamples(): NumberSample[] {
    return [...this.active].map((value, index) => ({
      labels: { http_request_method: methodNames[index] as string },
      value,
    }));
  }

  errorSamples(): NumberSample[] {
    return [...this.#byLabel.values()].flatMap(({ label, errors }) =>
      errorKinds.flatMap((kind, at) => {
        const value = errors[at] as number;
        return value > 0 ? [{ labels: { http_route: label, kind }, value }] : [];
      }),
    );
  }

  #samples<Sample>(of: (series: MethodSeries, labels: Record<string, string>) => Sample[]): Sample[] {
    return [...this.#byLabel.values()].flatMap(({ label, methods }) =>
      methods.flatMap((series, index) =>
        series === undefined
          ? []
          : of(series, { http_request_method: methodNames[index] as string, http_route: label }),
      ),
    );
  }
}

/** The series of a route whose router is mounted more than once. */
function oneOf(all: readonly RouteSeries[], req: Request): RouteSeries {
  const pattern = contextOf(req)?.matchedRoute ?? `${req.baseUrl}${(req.route as Route).path}`;
  return all.find(({ label }) => label === pattern) ?? (all[0] as RouteSeries);
}
