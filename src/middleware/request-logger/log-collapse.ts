import { read, typeOf } from '../../support/serialize-error.js';

const windowMs = 1000;
/** The number of kinds of errors that one window distinguishes; it bounds the memory. */
const maxKinds = 100;

interface Kind<Line> {
  count: number;
  /** The last line that was not written. */
  last: Line | undefined;
}

/** Admits a limited number of lines of one kind per second, and reports the others as one line. */
export class Collapser<Line> {
  readonly #limit: number;
  readonly #report: (last: Line, repeated: number) => void;
  readonly #kinds = new Map<string, Kind<Line>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: number, report: (last: Line, repeated: number) => void) {
    this.#limit = limit;
    this.#report = report;
  }

  /** Returns whether the line is to be written; a line that is not written is counted. */
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
    // runs before the `exit` listener of the destination, which writes the last lines of the process
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

/** Returns the kind of an error. Errors of one kind have the same type, message, first stack frame and route. */
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
