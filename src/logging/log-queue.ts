/** From this many characters on, lines are encoded: bytes take less memory than the pieces of their strings. */
const sealAt = 65_536;

// NEL, LS and PS end a line for some readers, and JSON.stringify leaves them as they are
const nextLine = Buffer.from('\u0085');
const separators = Buffer.from('\u2028').subarray(0, 2);
const lineEnds = /[\u0085\u2028\u2029]/g;

/** Lines that wait to be written, oldest first: the newest as text, the rest as chunks of bytes. */
export class LogQueue {
  /** Bytes that wait; a character of the newest text counts as one. */
  bytes = 0;
  /** Where the bytes not yet written begin in the head. */
  start = 0;
  #text = '';
  #chunks: Buffer[] = [];

  push(line: string): void {
    this.#text += line;
    this.bytes += line.length;
    if (this.#text.length >= sealAt) this.seal();
  }

  /** Encodes the newest text, and returns how many chunks wait. */
  seal(): number {
    if (this.#text !== '') {
      const chunk = encode(this.#text);
      this.bytes += chunk.length - this.#text.length;
      this.#text = '';
      this.#chunks.push(chunk);
    }
    return this.#chunks.length;
  }

  /** The oldest chunk, or `undefined` when nothing waits. */
  head(): Buffer | undefined {
    if (this.#chunks.length === 0) this.seal();
    return this.#chunks[0];
  }

  /** Takes written bytes off the head; true when it was written completely. */
  advance(written: number): boolean {
    this.bytes -= written;
    this.start += written;
    if (this.start < (this.#chunks[0] as Buffer).length) return false;
    this.start = 0;
    this.#chunks.shift();
    return true;
  }

  clear(): void {
    this.bytes = 0;
    this.start = 0;
    this.#text = '';
    this.#chunks = [];
  }
}

function encode(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (!bytes.includes(nextLine) && !bytes.includes(separators)) return bytes;
  return Buffer.from(text.replace(lineEnds, escapeUnit));
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * How many bytes from `start` on to hand over at once: as many whole lines as the limit takes, or one longer line
 * alone.
 */
export function pieceLength(chunk: Buffer, start: number, limit: number): number {
  if (chunk.length - start <= limit) return chunk.length - start;
  const end = chunk.lastIndexOf(10, start + limit - 1);
  if (end >= start) return end + 1 - start;
  const next = chunk.indexOf(10, start + limit);
  return (next === -1 ? chunk.length : next + 1) - start;
}
