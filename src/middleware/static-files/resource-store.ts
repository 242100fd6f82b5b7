import { BoundedMap } from '../../support/bounded-map.js';
import { Generations } from '../../support/generations.js';
import { readWhole } from './open-file.js';
import type { Representation, Resource, ResourceReader } from './resource.js';

/** What a path turned out to be. */
export type Found = Resource | 'directory' | 'nothing';

/** What {@link ResourceStore} goes by. */
export interface StoreSettings {
  /** How many bytes are held. */
  readonly cacheBytes: number;
  /** For how many milliseconds what was found is taken for granted. */
  readonly revalidateMs: number;
}

/** A file above this share of the memory is sent from disk. */
const largestShare = 64;
/** Paths that name nothing are remembered in this number at least, and up to this length: clients choose them. */
const leastNothings = 500;
const maxNothingLength = 256;
/** What a resource without a body takes, roughly. */
const resourceBytes = 2048;

/**
 * What is known of the files of one root, in bounded memory: it starts empty, holds what was asked for, and looks at a
 * file again where the last look is older than `revalidateMs`. Requests for one path share one look.
 */
export class ResourceStore {
  readonly #reader: ResourceReader;
  readonly #revalidateMs: number;
  readonly #largestBody: number;
  readonly #resources: Generations<Resource>;
  readonly #others = new BoundedMap<{
    readonly found: Exclude<Found, Resource>;
    readonly checkedAt: number;
  }>(leastNothings);
  readonly #looks = new Map<string, Promise<Found>>();
  readonly #reads = new Map<Representation, Promise<Buffer>>();

  constructor(reader: ResourceReader, { cacheBytes, revalidateMs }: StoreSettings) {
    this.#reader = reader;
    this.#revalidateMs = revalidateMs;
    this.#largestBody = cacheBytes / largestShare;
    this.#resources = new Generations(cacheBytes);
  }

  /** Bytes held, roughly. */
  get bytes(): number {
    return this.#resources.size;
  }

  /** What is known of a path without a look at the file system; `undefined` where it takes one. */
  recall(path: string): Found | undefined {
    const resource = this.#resources.get(path);
    if (resource !== undefined) return this.#isFresh(resource.checkedAt) ? resource : undefined;
    const other = this.#others.get(path);
    return other !== undefined && this.#isFresh(other.checkedAt) ? other.found : undefined;
  }

  /** Looks at what a path names; `path` is one that `servablePath` let through. */
  look(path: string): Promise<Found> {
    const known = this.#looks.get(path);
    if (known !== undefined) return known;
    const look = this.#look(path).finally(() => this.#looks.delete(path));
    this.#looks.set(path, look);
    return look;
  }

  /** Forgets a resource that turned out to have changed. */
  forget({ path }: Resource): void {
    this.#resources.delete(path);
  }

  /** Whether a representation is kept in memory, once it was read. */
  isSmall({ state }: Representation): boolean {
    return state.size <= this.#largestBody;
  }

  /** Reads the body of a small representation, once for all requests that wait for it. */
  body(resource: Resource, representation: Representation): Promise<Buffer> {
    const known = this.#reads.get(representation);
    if (known !== undefined) return known;
    const read = readWhole(representation)
      .then((body) => {
        representation.body = body;
        if (this.#resources.get(resource.path) === resource) this.#keep(resource);
        return body;
      })
      .finally(() => this.#reads.delete(representation));
    this.#reads.set(representation, read);
    return read;
  }

  #isFresh(checkedAt: number): boolean {
    return performance.now() - checkedAt < this.#revalidateMs;
  }

  async #look(path: string): Promise<Found> {
    const checkedAt = performance.now();
    const observed = await this.#reader.observe(path);
    const before = this.#resources.get(path);
    if (before !== undefined && this.#reader.isUnchanged(before.observed, observed)) {
      before.checkedAt = checkedAt;
      return before;
    }
    this.#resources.delete(path);
    if (observed.stats?.isDirectory()) return this.#note(path, 'directory', checkedAt);
    const resource = observed.stats?.isFile() ? await this.#reader.read(path, observed) : undefined;
    if (resource === undefined) return this.#note(path, 'nothing', checkedAt);
    resource.checkedAt = checkedAt;
    this.#others.delete(path);
    this.#keep(resource);
    return resource;
  }

  #keep(resource: Resource): void {
    const bodies = resource.representations.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
    this.#resources.set(resource.path, resource, resourceBytes + resource.path.length + bodies);
  }

  #note(path: string, found: Exclude<Found, Resource>, checkedAt: number): Found {
    if (path.length <= maxNothingLength && this.#revalidateMs > 0) {
      this.#others.set(path, { found, checkedAt });
    }
    return found;
  }
}
