import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { attempt } from '../../support/attempt.js';
import { activeSpan } from '../../support/context/current-span.js';
import { otelApi } from '../../support/symbols.js';
import { durationBounds } from './request-series.js';

type Attributes = Readonly<Record<string, string | number>>;

interface Meter {
  createHistogram(name: string, options: object): { record(value: number, attributes: Attributes): void };
  createUpDownCounter(name: string, options: object): { add(value: number, attributes: Attributes): void };
}

interface OpenTelemetryApi {
  readonly metrics?: { getMeter(name: string): Meter };
}

/** What is measured of a request, for instruments of others. */
export interface Measured {
  readonly req: IncomingMessage;
  readonly method: string;
  /** `undefined` for a request that no route handled. */
  readonly route?: string | undefined;
  /** 0 where the response had no head. */
  readonly status: number;
  readonly seconds: number;
}

/** Instruments of others that measure the same requests. They never throw. */
export interface RequestInstruments {
  begin(req: IncomingMessage, res: ServerResponse, method: string): void;
  end(measured: Measured, wasBegun: boolean): void;
}

/**
 * Returns the instruments of the MeterProvider that the app has registered; `undefined` without one. The current span
 * receives the attribute `http.route`, with what `routeOf` returns.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */
export function findInstruments(
  routeOf: (req: IncomingMessage) => string | undefined,
): RequestInstruments | undefined {
  const api = (globalThis as unknown as Record<symbol, OpenTelemetryApi | undefined>)[otelApi];
  return attempt(() => {
    const meter = api?.metrics?.getMeter('express-productionize');
    return meter && instrumentsOf(meter, routeOf);
  });
}

function instrumentsOf(
  meter: Meter,
  routeOf: (req: IncomingMessage) => string | undefined,
): RequestInstruments {
  const duration = meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Duration of HTTP server requests.',
    advice: { explicitBucketBoundaries: durationBounds },
  });
  const active = meter.createUpDownCounter('http.server.active_requests', {
    unit: '{request}',
    description: 'Number of active HTTP server requests.',
  });
  return {
    begin(req, res, method) {
      attempt(() => {
        active.add(1, common(req, method));
        const span = activeSpan();
        // the span ends when the response closes
        if (span?.isRecording?.()) {
          res.once('finish', () => attempt(() => setRoute(span, routeOf(req))));
        }
      });
    },
    end({ req, method, route, status, seconds }, wasBegun) {
      attempt(() => {
        const shared = common(req, method);
        if (wasBegun) active.add(-1, shared);
        duration.record(seconds, {
          ...shared,
          ...(route !== undefined && { 'http.route': route }),
          ...(status !== 0 && { 'http.response.status_code': status }),
          ...(status >= 500 && { 'error.type': String(status) }),
        });
      });
    },
  };
}

function common(req: IncomingMessage, method: string): Attributes {
  return { 'http.request.method': method, 'url.scheme': isEncrypted(req) ? 'https' : 'http' };
}

function isEncrypted({ httpVersionMajor, socket }: IncomingMessage): boolean {
  return httpVersionMajor >= 2 || (socket as Partial<TLSSocket> | null)?.encrypted === true;
}

function setRoute(span: NonNullable<ReturnType<typeof activeSpan>>, route: string | undefined): void {
  if (route !== undefined) span.setAttribute?.('http.route', route);
}
