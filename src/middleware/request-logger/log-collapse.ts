import { read, typeOf } from '../../support/serialize-error.js';

const windowMs = 1000;
/** Kinds of errors told apart in one window; memory is bounded by it. */
const maxKinds = 100;

interface Kind<Line> {
  count: number;
  /** The last line that was held back. */
  last: Line | undefined;
}

/** Lets so many lines of one kind through per second, and reports the rest as one. */
export class Collapser<Line> {
  readonly #limit: number;
  readonly #report: (last: Line, repeated: number) => void;
  readonly #kinds = new Map<string, Kind<Line>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: number, report: (last: Line, repeated: number) => void) {
    this.#limit = limit;
    this.#report = report;
  }

  /** Whether the line is to be written; where not, it is counted. */
  admits(kind: string, line: Line): boolean {
    let known = this.#kinds.get(kind);
    if (known === undefined) {
      if (this.#kinds.size === maxKinds) return true;
      known = { count: 0, last: undefined };
      this.#kinds.set(kind, known);
      this.#timer ??= setTimeout(this.#close, windowMs).unref();
    }
    known.count += 1;
    if (known.count <= this.#limit) return true;
    // in front of the destination's, which writes the last lines of the process
    if (known.last === undefined) process.prependListener('exit', this.#close);
    known.last = line;
    return false;
  }

  readonly #close = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    for (const { count, last } of kinds) {
      if (last === undefined) continue;
      process.removeListener('exit', this.#close);
      this.#report(last, count - this.#limit);
    }
  };
}

/** What makes two errors the same: kind, message, where they were made, and the route. */
export function errorKind(error: unknown, route: string | undefined): string {
  if (typeof error !== 'object' || error === null)
    return `${typeof error} ${String(error).slice(0, 200)} ${route}`;
  const message = read(error, 'message');
  const text = typeof message === 'string' ? message.slice(0, 200) : '';
  return [typeOf(error), text, firstFrame(read(error, 'stack')), route].join('\n');
}

function firstFrame(stack: unknown): string {
  if (typeof stack !== 'string') return '';
  const start = stack.indexOf('\n    at ');
  return start === -1 ? '' : stack.slice(start + 1, stack.indexOf('\n', start + 1) >>> 0);
}
