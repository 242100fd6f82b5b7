import pino, { type DestinationStream, type Logger } from 'pino';
import { ProductionizeError } from '../../support/errors.js';
import type { PartLogger } from '../../support/part-logger.js';
import { pinoMetadata } from '../../support/symbols.js';

/** Limits of the lines that are buffered until the outcome of their request is known. */
export interface DebugBufferOptions {
  /** Bytes buffered per request; the oldest lines are dropped first. @default 16384 */
  readonly maxRequestBytes?: number;
  /** Bytes buffered for all active requests together; lines above this limit are dropped. @default 4194304 */
  readonly maxTotalBytes?: number;
}

/** pino sets these fields on a stream that requests it, before each line; one of them is the level. */
const metadataFields = ['lastLevel', 'lastObj', 'lastMsg', 'lastTime', 'lastLogger'] as const;

type Metadata = { [Field in (typeof metadataFields)[number]]?: unknown };
type Stream = DestinationStream & Metadata & { [pinoMetadata]?: boolean; flushSync?: () => void };
type WithStream = Logger & { [stream: symbol]: Stream };

const { streamSym } = pino.symbols;

/** Buffers the debug and trace lines of requests until their outcome is known. */
export class DebugBuffers {
  readonly logger: Logger;
  readonly target: Stream;
  readonly maxRequestBytes: number;
  readonly maxTotalBytes: number;
  /** Characters that are buffered now. */
  buffered = 0;
  readonly #verbose: Logger;

  constructor(
    given: PartLogger,
    { maxRequestBytes = 16_384, maxTotalBytes = 4_194_304 }: DebugBufferOptions,
  ) {
    const logger = given as WithStream;
    const target = logger[streamSym];
    if (target === undefined) {
      throw new ProductionizeError(
        'ERR_PRODUCTIONIZE_OPTION',
        'requestLogger: `bufferDebug` needs the stream of its logger, and this logger is of another kind or of another copy of pino. Pass what createLogger() returned, or leave out `bufferDebug`.',
      );
    }
    this.logger = logger;
    this.maxRequestBytes = maxRequestBytes;
    this.maxTotalBytes = maxTotalBytes;
    this.target = target;
    this.#verbose = logger.child({}, { level: 'trace' });
  }

  /** Returns a logger for one request, and its buffer. */
  open(): { logger: Logger; buffer: RequestBuffer } {
    const buffer = new RequestBuffer(this);
    const logger = Object.create(this.#verbose) as WithStream;
    logger[streamSym] = buffer;
    return { logger, buffer };
  }
}

/** The buffered lines of one request. */
export class RequestBuffer implements Metadata {
  readonly [pinoMetadata] = true;
  lastLevel = 0;
  lastObj: unknown = undefined;
  lastMsg: unknown = undefined;
  lastTime: unknown = undefined;
  lastLogger: unknown = undefined;

  readonly #owner: DebugBuffers;
  readonly #lines: { level: number; line: string }[] = [];
  #buffered = 0;
  #outcome: 'open' | 'failed' | 'succeeded' = 'open';

  constructor(owner: DebugBuffers) {
    this.#owner = owner;
  }

  write(line: string): void {
    if (this.lastLevel >= this.#owner.logger.levelVal || this.#outcome === 'failed') this.#pass(line);
    else if (this.#outcome === 'open') this.#add(line);
  }

  flushSync(): void {
    this.#owner.target.flushSync?.();
  }

  #add(line: string): void {
    const { maxRequestBytes, maxTotalBytes } = this.#owner;
    while (this.#lines.length > 0 && this.#buffered + line.length > maxRequestBytes) {
      this.#addLength(-(this.#lines.shift()?.line.length ?? 0));
    }
    if (line.length > maxRequestBytes || this.#owner.buffered + line.length > maxTotalBytes) return;
    this.#lines.push({ level: this.lastLevel, line });
    this.#addLength(line.length);
  }

  #addLength(length: number): void {
    this.#buffered += length;
    this.#owner.buffered += length;
  }

  /** Writes the buffered lines if the request failed, and discards them otherwise. */
  settle(failed: boolean): void {
    this.#outcome = failed ? 'failed' : 'succeeded';
    this.#addLength(-this.#buffered);
    for (const { level, line } of this.#lines.splice(0)) {
      if (!failed) continue;
      this.lastLevel = level;
      this.#pass(line);
    }
  }

  #pass(line: string): void {
    const { target } = this.#owner;
    if (target[pinoMetadata]) for (const field of metadataFields) target[field] = this[field];
    target.write(line);
  }
}
