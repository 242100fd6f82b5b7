import { processWide } from '../process-wide.js';
import { storedEncodingsKey } from '../symbols.js';

/** The encodings of one stored body. `onStored` receives the bytes of each. */
export class StoredEncodings {
  readonly #encoded = new Map<string, Buffer>();
  readonly #onStored: (bytes: number) => void;

  constructor(onStored: (bytes: number) => void) {
    this.#onStored = onStored;
  }

  get(encoding: string): Buffer | undefined {
    return this.#encoded.get(encoding);
  }

  set(encoding: string, encoded: Buffer): void {
    if (this.#encoded.has(encoding)) return;
    // The bytes are copied, because the result of zlib is a small slice that retains a large allocation.
    const copy = Buffer.allocUnsafeSlow(encoded.length);
    encoded.copy(copy);
    this.#encoded.set(encoding, copy);
    this.#onStored(copy.length);
  }
}

const encodingsByBody = processWide(storedEncodingsKey, () => new WeakMap<Uint8Array, StoredEncodings>());

/** Stores the encodings of a body as long as the body itself is referenced. `onStored` receives their bytes. */
export function storeEncodings(body: Uint8Array, onStored: (bytes: number) => void): void {
  encodingsByBody.set(body, new StoredEncodings(onStored));
}

/** The stored encodings of a body, found by the identity of the buffer. */
export function storedEncodings(body: Uint8Array): StoredEncodings | undefined {
  return encodingsByBody.get(body);
}
