const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Terminals that know these draw a frame as a whole. */
const [beginFrame, endFrame] = ['\x1b[?2026h', '\x1b[?2026l'];

/** The alternate screen of a terminal. However this process ends, except by SIGKILL, the terminal is restored. */
export class TopScreen {
  readonly #output = process.stdout;
  readonly #input = process.stdin;
  readonly #onKey: (key: string) => void;
  #last = '';
  #open = true;

  /** `onKey` is called with each key, and `onEnd` when the terminal is gone. */
  constructor(onKey: (key: string) => void, onResize: () => void, onEnd: () => void) {
    this.#onKey = onKey;
    this.#output.on('error', onEnd);
    this.#output.on('resize', onResize);
    if (this.#input.isTTY) {
      this.#input.setRawMode(true);
      this.#input.setEncoding('utf8');
      this.#input.on('data', this.#receive);
      this.#input.on('end', onEnd);
      this.#input.on('error', onEnd);
    }
    process.on('exit', this.close);
    process.on('uncaughtExceptionMonitor', this.close);
    this.#output.write(enter);
  }

  get columns(): number {
    // a terminal whose size was never set has 0 columns
    return this.#output.columns || 80;
  }

  get rows(): number {
    return this.#output.rows || 24;
  }

  /** Draws the lines over those before. */
  draw(lines: readonly string[]): void {
    const frame = lines.map((line) => `${line}\x1b[K`).join('\r\n');
    if (!this.#open || frame === this.#last) return;
    this.#last = frame;
    this.#output.write(`${beginFrame}\x1b[H${frame}\x1b[J${endFrame}`);
  }

  readonly close = (): void => {
    if (!this.#open) return;
    this.#open = false;
    this.#output.write(leave);
    process.off('exit', this.close);
    process.off('uncaughtExceptionMonitor', this.close);
    if (!this.#input.isTTY) return;
    this.#input.off('data', this.#receive);
    this.#input.setRawMode(false);
    this.#input.pause();
  };

  /** Several keys may arrive as one text. */
  readonly #receive = (text: string | Buffer): void => {
    const typed = String(text);
    for (let at = 0; at < typed.length; ) {
      // an arrow is three characters
      const length = typed.startsWith('\x1b[', at) ? 3 : 1;
      this.#onKey(typed.slice(at, at + length));
      at += length;
    }
  };
}
