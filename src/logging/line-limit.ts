/** The greatest length of a line in bytes. */
export const maxLineBytes = 65_536;
/** Limits for the text of one field. They are tried in this order until the line fits. */
const fieldLimits = [16_384, 2048, 128];
const essential = ['level', 'time', 'pid', 'reqId', 'msg'];

/**
 * Truncates the longest fields of a line that exceeds `limit` bytes, and adds the original length as `cutFromBytes`.
 */
export function limitLine(line: string, limit = maxLineBytes): string {
  // a UTF-16 unit takes at most three bytes in UTF-8
  if (line.length * 3 <= limit) return line;
  const bytes = Buffer.byteLength(line);
  if (bytes <= limit) return line;
  const fields = parse(line);
  for (const longest of fieldLimits) {
    const cut = entries(fields).map(([key, value]) => [key, shorten(value, longest)]);
    const text = write(Object.fromEntries(cut), bytes);
    if (Buffer.byteLength(text) <= limit) return text;
  }
  const essentials = entries(fields).filter(([key]) => essential.includes(key));
  return write(Object.fromEntries(essentials.map(([key, value]) => [key, shorten(value, 100)])), bytes);
}

function parse(line: string): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // the line is not JSON
  }
  return { level: 30, time: Date.now(), msg: line };
}

function entries(fields: object): [string, unknown][] {
  return Object.entries(fields);
}

function shorten(value: unknown, limit: number): unknown {
  if (typeof value === 'string') return value.length > limit ? `${value.slice(0, limit)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  const text = JSON.stringify(value);
  return text.length > limit ? `${text.slice(0, limit)}…` : value;
}

function write(fields: object, bytes: number): string {
  return `${JSON.stringify({ ...fields, cutFromBytes: bytes })}\n`;
}
