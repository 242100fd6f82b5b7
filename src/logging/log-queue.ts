/** Lines are encoded into blocks of this size as they come: text that waits is what makes a collector work. */
const blockBytes = 65_536;
/** No more bytes than this per UTF-16 unit in UTF-8. */
const widest = 3;

// NEL, LS and PS end a line for some readers, and JSON.stringify leaves them as they are
const nextLine = Buffer.from('\u0085');
const separators = Buffer.from('\u2028').subarray(0, 2);
const lineEnds = /[\u0085\u2028\u2029]/g;

/** Lines that wait to be written, oldest first, as chunks of bytes. */
export class LogQueue {
  /** Bytes that wait. */
  bytes = 0;
  /** Where the bytes not yet written begin in the head. */
  start = 0;
  #block = Buffer.alloc(0);
  /** Where the newest chunk begins and ends in the block. */
  #from = 0;
  #to = 0;
  #chunks: Buffer[] = [];

  push(line: string): void {
    if (line.length * widest > this.#block.length - this.#to) this.#newBlock(line);
    const written = this.#block.write(line, this.#to);
    this.#to += written;
    this.bytes += written;
  }

  #newBlock(line: string): void {
    this.seal();
    this.#block = Buffer.allocUnsafeSlow(Math.max(blockBytes, line.length * widest));
    this.#from = 0;
    this.#to = 0;
  }

  /** Closes the newest chunk, and returns how many wait. */
  seal(): number {
    if (this.#to > this.#from) {
      const raw = this.#block.subarray(this.#from, this.#to);
      const chunk = escaped(raw);
      this.bytes += chunk.length - raw.length;
      this.#from = this.#to;
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
    if (this.bytes === 0) this.#rewind();
    return true;
  }

  /** Nothing in the block waits: it can be filled again. One that was made for a long line goes. */
  #rewind(): void {
    if (this.#block.length > blockBytes) this.#block = Buffer.alloc(0);
    this.#from = 0;
    this.#to = 0;
  }

  clear(): void {
    this.bytes = 0;
    this.start = 0;
    this.#chunks = [];
    this.#rewind();
  }
}

function escaped(bytes: Buffer): Buffer {
  if (!bytes.includes(nextLine) && !bytes.includes(separators)) return bytes;
  return Buffer.from(bytes.toString().replace(lineEnds, escapeUnit));
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
