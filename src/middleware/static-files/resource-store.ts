import { BoundedMap } from '../../support/bounded-map.js';
import { Generations } from '../../support/generations.js';
import { getOrCreate } from '../../support/get-or-create.js';
import { readWhole } from './open-file.js';
import type { Representation, Resource, ResourceReader } from './resource.js';

/** The result of looking up a path. */
export type Lookup = Resource | 'directory' | 'missing';

interface StoreSettings {
  readonly cacheBytes: number;
  /** Milliseconds for which a cached result is used without another check. */
  readonly revalidateMs: number;
}

/** A file larger than this fraction of the cache is sent from disk. */
const maxShare = 64;
/** Clients choose the missing paths, so the number and the length of the cached ones are bounded. */
const minMissing = 500;
const maxMissingLength = 256;
/** The approximate memory of a resource without a body. */
const resourceBytes = 2048;

/**
 * Caches the requested files of one root in bounded memory. It checks a file again when the last check is older than
 * `revalidateMs`. Simultaneous requests for one path share one check.
 */
export class ResourceStore {
  readonly #reader: ResourceReader;
  readonly #revalidateMs: number;
  readonly #largestBody: number;
  readonly #resources: Generations<Resource>;
  readonly #others = new BoundedMap<{
    readonly found: Exclude<Lookup, Resource>;
    readonly checkedAt: number;
  }>(minMissing);
  readonly #pending = new Map<string, Promise<Lookup>>();
  readonly #reads = new Map<Representation, Promise<Buffer>>();

  constructor(reader: ResourceReader, { cacheBytes, revalidateMs }: StoreSettings) {
    this.#reader = reader;
    this.#revalidateMs = revalidateMs;
    this.#largestBody = cacheBytes / maxShare;
    this.#resources = new Generations(cacheBytes);
  }

  /** The approximate memory of the cached resources. */
  get bytes(): number {
    return this.#resources.size;
  }

  /** The cached result for a path, or `undefined` when the file system has to be read. */
  cached(path: string): Lookup | undefined {
    const resource = this.#resources.get(path);
    if (resource !== undefined) return this.#isFresh(resource.checkedAt) ? resource : undefined;
    const other = this.#others.get(path);
    return other !== undefined && this.#isFresh(other.checkedAt) ? other.found : undefined;
  }

  /** Reads the state of a path from the file system. `servablePath` must have returned `path`. */
  read(path: string): Promise<Lookup> {
    return getOrCreate(this.#pending, path, () =>
      this.#readNow(path).finally(() => this.#pending.delete(path)),
    );
  }

  /** Removes a resource that has changed on disk. */
  delete({ path }: Resource): void {
    this.#resources.delete(path);
  }

  /** Whether the body of a representation is cached. */
  isSmall({ state }: Representation): boolean {
    return state.size <= this.#largestBody;
  }

  /** Reads the body of a small representation. Simultaneous requests share one read. */
  body(resource: Resource, representation: Representation): Promise<Buffer> {
    return getOrCreate(this.#reads, representation, () =>
      readWhole(representation)
        .then((body) => {
          representation.body = body;
          if (this.#resources.get(resource.path) === resource) this.#cache(resource);
          return body;
        })
        .finally(() => this.#reads.delete(representation)),
    );
  }

  #isFresh(checkedAt: number): boolean {
    return performance.now() - checkedAt < this.#revalidateMs;
  }

  async #readNow(path: string): Promise<Lookup> {
    const checkedAt = performance.now();
    const observed = await this.#reader.observe(path);
    const before = this.#resources.get(path);
    if (before !== undefined && this.#reader.isUnchanged(before.observed, observed)) {
      before.checkedAt = checkedAt;
      return before;
    }
    this.#resources.delete(path);
    if (observed.stats?.isDirectory()) return this.#cacheOther(path, 'directory', checkedAt);
    const resource = observed.stats?.isFile() ? await this.#reader.read(path, observed) : undefined;
    if (resource === undefined) return this.#cacheOther(path, 'missing', checkedAt);
    resource.checkedAt = checkedAt;
    this.#others.delete(path);
    this.#cache(resource);
    return resource;
  }

  #cache(resource: Resource): void {
    const bodies = resource.representations.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
    this.#resources.set(resource.path, resource, resourceBytes + resource.path.length + bodies);
  }

  #cacheOther(path: string, found: Exclude<Lookup, Resource>, checkedAt: number): Lookup {
    if (path.length <= maxMissingLength && this.#revalidateMs > 0) {
      this.#others.set(path, { found, checkedAt });
    }
    return found;
  }
}
