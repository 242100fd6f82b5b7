import { processWide } from '../process-wide.js';
import { storedEncodingsKey } from '../symbols.js';

/** The encodings of one body that somebody keeps, and counts. */
export class KeptEncodings {
  readonly #encoded = new Map<string, Buffer>();
  readonly #onKept: (bytes: number) => void;

  constructor(onKept: (bytes: number) => void) {
    this.#onKept = onKept;
  }

  get(encoding: string): Buffer | undefined {
    return this.#encoded.get(encoding);
  }

  set(encoding: string, encoded: Buffer): void {
    if (this.#encoded.has(encoding)) return;
    // a copy, since zlib's result is a small window on a large allocation, which it would keep alive
    const copy = Buffer.allocUnsafeSlow(encoded.length);
    encoded.copy(copy);
    this.#encoded.set(encoding, copy);
    this.#onKept(copy.length);
  }
}

const kept = processWide(storedEncodingsKey, () => new WeakMap<Uint8Array, KeptEncodings>());

/** Keeps the encodings of a body with it, as long as the body itself is kept. `onKept` is told of their bytes. */
export function keepEncodings(body: Uint8Array, onKept: (bytes: number) => void): void {
  kept.set(body, new KeptEncodings(onKept));
}

/** The encodings of a body that is kept; looked for by the body itself, not by what is in it. */
export function keptEncodings(body: Uint8Array): KeptEncodings | undefined {
  return kept.get(body);
}
