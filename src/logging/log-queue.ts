/** Lines are encoded immediately into blocks of this size, because waiting strings cost time in garbage collection. */
const blockBytes = 65_536;
/** The greatest number of bytes per UTF-16 unit in UTF-8. */
const widest = 3;

// some readers treat NEL, LS and PS as the end of a line, and JSON.stringify does not escape them
const nextLine = Buffer.from('\u0085');
const separators = Buffer.from('\u2028').subarray(0, 2);
const lineEnds = /[\u0085\u2028\u2029]/g;

/** The queue of lines to write, oldest first, as chunks of bytes. */
export class LogQueue {
  /** The number of queued bytes. */
  bytes = 0;
  /** The offset of the first unwritten byte in the head. */
  start = 0;
  #block = Buffer.alloc(0);
  /** The offsets at which the newest chunk begins and ends in the block. */
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

  /** Closes the newest chunk. Returns the number of queued chunks. */
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

  /** The oldest chunk, or `undefined` when the queue is empty. */
  head(): Buffer | undefined {
    if (this.#chunks.length === 0) this.seal();
    return this.#chunks[0];
  }

  /** Removes written bytes from the head. Returns true when the head was written completely. */
  advance(written: number): boolean {
    this.bytes -= written;
    this.start += written;
    if (this.start < (this.#chunks[0] as Buffer).length) return false;
    this.start = 0;
    this.#chunks.shift();
    if (this.bytes === 0) this.#rewind();
    return true;
  }

  /** Reuses the block, because all of its bytes are written. A larger block for a long line is released. */
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
 * Returns how many bytes from `start` on to write in one call: as many whole lines as the limit permits, or a single
 * longer line.
 */
export function pieceLength(chunk: Buffer, start: number, limit: number): number {
  if (chunk.length - start <= limit) return chunk.length - start;
  const end = chunk.lastIndexOf(10, start + limit - 1);
  if (end >= start) return end + 1 - start;
  const next = chunk.indexOf(10, start + limit);
  return (next === -1 ? chunk.length : next + 1) - start;
}
