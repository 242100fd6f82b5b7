import { EventEmitter, on } from 'node:events';

// biome-ignore lint/suspicious/noExplicitAny: a log line is what a test looks for
export type Line = Record<string, any>;

/** A log in memory: options for `productionize`, the lines so far, and lines to wait for. */
export function memoryLog() {
  const lines: Line[] = [];
  const arrivals = new EventEmitter();
  const destination = {
    write(text: string) {
      for (const part of text.split('\n').filter(Boolean)) {
        const line = JSON.parse(part) as Line;
        lines.push(line);
        arrivals.emit('line', line);
      }
    },
  };
  return {
    lines,
    destination,
    options: { logger: { level: 'trace', destination } } as const,
    /** The first line that matches, seen already or still to come. */
    async line(matches: (line: Line) => boolean): Promise<Line> {
      const seen = lines.find(matches);
      if (seen) return seen;
      for await (const [line] of on(arrivals, 'line')) if (matches(line)) return line;
      throw new Error('unreachable');
    },
  };
}

/** Options for an app whose log does not matter. */
export const quiet = () => memoryLog().options;
