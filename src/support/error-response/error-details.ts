import type { ServerResponse } from 'node:http';
import http from 'node:http';
import { attempt } from '../attempt.js';
import { hopByHop } from '../hop-by-hop.js';
import { statusOf as errorStatus, read } from '../serialize-error.js';

// Any value can be thrown, so every function here returns a result for any argument.

/** A header of an error response that passed Node's own checks. */
export type ErrorHeader = readonly [name: string, value: string | string[]];

const maxText = 1024;
const maxHeaders = 64;
const maxHeaderBytes = 4096;

/** Headers that describe the message itself. Values that an error sets would not match the body that is sent. */
const framing = new Set([...hopByHop, 'content-encoding', 'content-length', 'content-type']);

/** Returns the first `max` characters of a text, without control characters except line breaks and tabs. */
export function plainText(text: string, max = maxText): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut.replace(/[^\P{Cc}\n\t]/gu, '');
}

/** Returns the status of the response: that of the error, else the one already set on the response, else 500. */
export function statusOf(error: unknown, res: ServerResponse): number {
  return errorStatus(error) ?? errorStatus(res) ?? 500;
}

export function titleOf(status: number): string {
  return http.STATUS_CODES[status] ?? `Error ${status}`;
}

/** Whether a message quotes the request body: body parsers pass on the SyntaxError of `JSON.parse`. */
function quotesBody(error: unknown): boolean {
  return read(error, 'type') === 'entity.parse.failed';
}

/**
 * Returns what the client receives in addition to the status. For a 4xx with `expose`, as http-errors sets it, this is
 * the message of the error.
 */
export function detailOf(error: unknown, status: number): string | undefined {
  if (status >= 500) return 'The server could not complete the request.';
  if (quotesBody(error)) return 'The request body could not be parsed.';
  const message = read(error, 'message');
  return read(error, 'expose') === true && typeof message === 'string' ? plainText(message) : undefined;
}

/**
 * Returns the headers of an error, without those that are invalid, oversized or part of the framing. As in Express, the
 * headers of an error without a status are ignored.
 */
export function headersOf(error: unknown): ErrorHeader[] {
  if (errorStatus(error) === undefined) return [];
  const headers = read(error, 'headers');
  const found: ErrorHeader[] = [];
  let left = maxHeaderBytes;
  for (const name of keysOf(headers).slice(0, maxHeaders)) {
    if (framing.has(name.toLowerCase())) continue;
    const value = headerValue(name, read(headers, name));
    if (value === undefined || String(value).length > left) continue;
    left -= String(value).length;
    found.push([name, value]);
  }
  return found;
}

function keysOf(value: unknown): string[] {
  return attempt(() => (typeof value === 'object' && value !== null ? Object.keys(value) : []), []);
}

function headerValue(name: string, value: unknown): string | string[] | undefined {
  try {
    const values = (Array.isArray(value) ? value.slice(0, maxHeaders) : [value]).map(asHeaderText);
    http.validateHeaderName(name);
    for (const text of values) http.validateHeaderValue(name, text);
    return Array.isArray(value) ? values : values[0];
  } catch {
    return undefined;
  }
}

function asHeaderText(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') throw new TypeError('not a header value');
  return String(value);
}
