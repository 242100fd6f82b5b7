import { otelApi, otelSpan } from '../symbols.js';

/** The ids of a position in a distributed trace. */
export interface TraceIds {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
}

/** A span of OpenTelemetry. Only the first method is certain. */
interface Span {
  spanContext(): TraceIds;
  isRecording?(): boolean;
  setAttribute?(name: string, value: string): unknown;
}

interface OpenTelemetryApi {
  readonly context?: { active(): { getValue(key: symbol): Span | undefined } };
}

const validTraceId = /^(?!0+$)[0-9a-f]{32}$/;
const validSpanId = /^(?!0+$)[0-9a-f]{16}$/;

function contextManager(): OpenTelemetryApi['context'] {
  return (globalThis as unknown as Record<symbol, OpenTelemetryApi | undefined>)[otelApi]?.context;
}

/** Whether OpenTelemetry tracks the current span in this process. Every copy of its API is registered globally. */
export function tracksSpans(): boolean {
  return contextManager() !== undefined;
}

/** Returns OpenTelemetry's current span, or `undefined` if there is none. */
export function activeSpan(): Span | undefined {
  return contextManager()?.active().getValue(otelSpan);
}

/** Returns the ids of OpenTelemetry's current span, or `undefined` if there is none. It never throws. */
export function currentSpan(): TraceIds | undefined {
  try {
    const span = activeSpan();
    if (span === undefined) return undefined;
    const { traceId, spanId } = span.spanContext();
    return validTraceId.test(traceId) && validSpanId.test(spanId) ? { traceId, spanId } : undefined;
  } catch {
    return undefined;
  }
}
