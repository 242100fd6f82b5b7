import { type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';

// Anything can be thrown: every function here is total, whatever it is given.

/** A header of an error answer that passed Node's own checks. */
export type ErrorHeader = readonly [name: string, value: string | string[]];

const maxText = 1024;
const maxHeaders = 64;
const maxHeaderBytes = 4096;

/** Headers that describe the message itself; what an error says of them would not fit the body we send. */
const framing = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Reads a property of any value; a throwing getter and a revoked proxy read as `undefined`. */
export function read(value: unknown, name: string): unknown {
  try {
    return (value as Record<string, unknown> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}

/** The text of at most so many characters, without control characters but line breaks and tabs. */
export function plainText(text: string, max = maxText): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return cut.replace(/[^\P{Cc}\n\t]/gu, '');
}

/** The status an error names (`status`, then `statusCode`), when it is a whole number from 400 to 599. */
export function errorStatus(error: unknown): number | undefined {
  for (const name of ['status', 'statusCode']) {
    const status = read(error, name);
    if (isErrorStatus(status)) return status;
  }
  return undefined;
}

/** The status of the answer: the error's own, else the one already set on the response, else 500. */
export function statusOf(error: unknown, res: ServerResponse): number {
  return errorStatus(error) ?? (isErrorStatus(res.statusCode) ? res.statusCode : 500);
}

function isErrorStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599;
}

export function titleOf(status: number): string {
  return STATUS_CODES[status] ?? `Error ${status}`;
}

/** Whether the message quotes the request body: body parsers pass on the SyntaxError of `JSON.parse`. */
export function quotesBody(error: unknown): boolean {
  return read(error, 'type') === 'entity.parse.failed';
}

/** What the client may be told beyond the status: the message of a 4xx that `expose`s it, as http-errors marks them. */
export function detailOf(error: unknown, status: number): string | undefined {
  if (status >= 500) return 'The server could not complete the request.';
  if (quotesBody(error)) return 'The request body could not be parsed.';
  const message = read(error, 'message');
  return read(error, 'expose') === true && typeof message === 'string' ? plainText(message) : undefined;
}

/** The headers an error asks for, without those that are invalid, oversized or about the framing. */
export function headersOf(error: unknown): ErrorHeader[] {
  const headers = read(error, 'headers');
  const found: ErrorHeader[] = [];
  for (const name of keysOf(headers).slice(0, maxHeaders)) {
    if (framing.has(name.toLowerCase())) continue;
    const value = headerValue(name, read(headers, name));
    if (value !== undefined) found.push([name, value]);
  }
  return found;
}

function keysOf(value: unknown): string[] {
  try {
    return typeof value === 'object' && value !== null ? Object.keys(value) : [];
  } catch {
    return [];
  }
}

function headerValue(name: string, value: unknown): string | string[] | undefined {
  try {
    const values = (Array.isArray(value) ? value.slice(0, maxHeaders) : [value]).map(asHeaderText);
    validateHeaderName(name);
    for (const text of values) validateHeaderValue(name, text);
    if (values.join().length > maxHeaderBytes) return undefined;
    return Array.isArray(value) ? values : values[0];
  } catch {
    return undefined;
  }
}

function asHeaderText(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') throw new TypeError('not a header value');
  return String(value);
}
