import { randomBytes } from 'node:crypto';

/** A W3C trace context: the position of a request in a distributed trace. */
export interface TraceContext {
  /** 32 hexadecimal digits, the same in all services that take part in the trace. */
  readonly traceId: string;
  /** 16 hexadecimal digits: the caller's span, which is the parent of the spans of this request. */
  readonly spanId: string;
  /** Two hexadecimal digits; the last bit means "sampled". */
  readonly flags: string;
  /** Returns a new `traceparent` header for one outgoing call. */
  child(): string;
}

// version "-" trace-id "-" parent-id "-" trace-flags; a higher version may carry more after the flags
const grammar = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Reads a `traceparent` header (https://www.w3.org/TR/trace-context/). A malformed header, the forbidden version `ff`
 * and ids of only zeros are ignored, as the recommendation requires.
 */
export function parseTraceparent(header: string | string[] | undefined): TraceContext | undefined {
  if (typeof header !== 'string' || header.length > 512) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = grammar.exec(header) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return {
    traceId,
    spanId,
    flags,
    child: () => `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`,
  };
}
