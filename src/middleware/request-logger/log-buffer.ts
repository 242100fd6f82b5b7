import type { DestinationStream, Logger } from 'pino';
import { pinoMetadata } from '../../support/symbols.js';

/** Limits of the lines that wait for the outcome of their request. */
export interface DebugBufferOptions {
  /**
   * Bytes kept per request; the oldest lines go first.
   * @default 16384
   */
  readonly maxRequestBytes?: number;
  /**
   * Bytes kept of all requests in flight; beyond it nothing more is kept.
   * @default 4194304
   */
  readonly maxTotalBytes?: number;
}

/** pino tells a stream that asks for it the level of each line, in these fields. */
const metadataFields = ['lastLevel', 'lastObj', 'lastMsg', 'lastTime', 'lastLogger'] as const;

type Metadata = { [Field in (typeof metadataFields)[number]]?: unknown };
type Stream = DestinationStream & Metadata & { [pinoMetadata]?: boolean; flushSync?: () => void };
type WithStream = Logger & { [stream: symbol]: Stream };

/** Keeps the debug and trace lines of requests until it is known whether anybody wants to read them. */
export class DebugBuffers {
  readonly logger: Logger;
  readonly target: Stream;
  readonly maxRequestBytes: number;
  readonly maxTotalBytes: number;
  /** Characters kept at present. */
  kept = 0;
  readonly #verbose: Logger;
  readonly #streamKey: symbol;

  constructor(logger: Logger, { maxRequestBytes = 16_384, maxTotalBytes = 4_194_304 }: DebugBufferOptions) {
    this.logger = logger;
    this.maxRequestBytes = maxRequestBytes;
    this.maxTotalBytes = maxTotalBytes;
    this.#streamKey = streamKeyOf(logger);
    this.target = (logger as WithStream)[this.#streamKey] as Stream;
    this.#verbose = logger.child({}, { level: 'trace' });
  }

  /** A logger for one request, and its buffer. */
  open(): { logger: Logger; buffer: RequestBuffer } {
    const buffer = new RequestBuffer(this);
    const logger = Object.create(this.#verbose) as WithStream;
    logger[this.#streamKey] = buffer;
    return { logger, buffer };
  }
}

/** The symbol differs between copies of pino, and the logger may be from any. */
function streamKeyOf(logger: object): symbol {
  for (let object: object | null = logger; object !== null; object = Object.getPrototypeOf(object)) {
    const key = Object.getOwnPropertySymbols(object).find((each) => each.description === 'pino.stream');
    if (key !== undefined) return key;
  }
  throw new TypeError('expected a pino logger');
}

/** The lines of one request. */
export class RequestBuffer implements Metadata {
  readonly [pinoMetadata] = true;
  lastLevel = 0;
  lastObj: unknown = undefined;
  lastMsg: unknown = undefined;
  lastTime: unknown = undefined;
  lastLogger: unknown = undefined;

  readonly #owner: DebugBuffers;
  readonly #lines: { level: number; line: string }[] = [];
  #kept = 0;
  #outcome: 'open' | 'failed' | 'succeeded' = 'open';

  constructor(owner: DebugBuffers) {
    this.#owner = owner;
  }

  write(line: string): void {
    if (this.lastLevel >= this.#owner.logger.levelVal || this.#outcome === 'failed') this.#pass(line);
    else if (this.#outcome === 'open') this.#keep(line);
  }

  flushSync(): void {
    this.#owner.target.flushSync?.();
  }

  #keep(line: string): void {
    const { maxRequestBytes, maxTotalBytes } = this.#owner;
    while (this.#lines.length > 0 && this.#kept + line.length > maxRequestBytes) {
      this.#count(-(this.#lines.shift()?.line.length ?? 0));
    }
    if (line.length > maxRequestBytes || this.#owner.kept + line.length > maxTotalBytes) {
      return;
    }
    this.#lines.push({ level: this.lastLevel, line });
    this.#count(line.length);
  }

  #count(length: number): void {
    this.#kept += length;
    this.#owner.kept += length;
  }

  /** Writes what was kept when the request failed, and forgets it otherwise. */
  settle(failed: boolean): void {
    this.#outcome = failed ? 'failed' : 'succeeded';
    this.#count(-this.#kept);
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
