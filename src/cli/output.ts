import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';

const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Colours a text for a terminal. Without a terminal or with NO_COLOR, the text is returned unchanged. */
export function paint(
  style: keyof typeof styles,
  text: string,
  stream: WriteStream = process.stdout,
): string {
  return stream.isTTY && stream.hasColors() ? `\x1b[${styles[style]}m${text}\x1b[0m` : text;
}

/** A line of progress on stderr that each update replaces. Without a terminal, nothing is written. */
export function progressLine(): { update(text: string): void; clear(): void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { update() {}, clear() {} };
  return {
    // a terminal whose size was never set has 0 columns
    update: (text) => void stderr.write(`\r\x1b[K${text.slice(0, (stderr.columns || 80) - 1)}`),
    clear: () => void stderr.write('\r\x1b[K'),
  };
}

/** Formats rows as lines of aligned columns. The columns in `right` are aligned right. */
export function alignColumns(
  rows: readonly (readonly string[])[],
  right: (column: number) => boolean,
): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (right(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Makes text of another process safe to print: a terminal would execute its escape sequences. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, '?');
}

/** A time as one number with its unit. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
