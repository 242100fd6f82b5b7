import fs from 'node:fs';
import path from 'node:path';
import { negotiation } from '../../support/encoding/content-encoding.js';
import type { Encoding } from '../../support/encoding/encoders.js';
import { getOrCreate } from '../../support/get-or-create.js';
import { isForbidden, isMissing } from './file-errors.js';
import { etagOf, type FileState, isSameFile, isSettled, modifiedMs } from './file-state.js';
import { isServable } from './request-path.js';
import { isCopyOf, isWorthEncoding, siblingExtensions, typeOf } from './siblings.js';

/** One form of a resource: a file, and the headers that describe it. */
export interface Representation {
  /** The encoding of a precompressed sibling, or `identity` for the requested file. */
  readonly encoding: Encoding | 'identity';
  /** The path with symbolic links resolved. */
  readonly file: string;
  readonly state: FileState;
  readonly etag: string;
  /** `Content-Type` and other headers that are only sent with a body. */
  readonly bodyHeaders: readonly (readonly [name: string, value: string])[];
  /** The whole body of a small file, once it was read. */
  body: Buffer | undefined;
}

/** The file at a path and its precompressed siblings, as they were at the last check. */
export interface Resource {
  readonly path: string;
  readonly stats: fs.Stats;
  readonly lastModified: string;
  readonly cacheControl: string;
  /** Whether the resource can have more than one representation. */
  readonly varies: boolean;
  readonly identity: Representation;
  readonly representations: readonly Representation[];
  /** The representation for a value of `Accept-Encoding`; `null` is the identity. */
  readonly offer: (acceptEncoding: string) => Representation | null;
  readonly observed: Observation;
  /** The time of the last check, in milliseconds of `performance.now()`. */
  checkedAt: number;
}

/** The state of the requested file and of its siblings. */
interface Observation {
  readonly at: number;
  readonly stats: fs.Stats | undefined;
  readonly siblings: readonly { readonly encoding: Encoding; readonly stats: fs.Stats | undefined }[];
}

interface ReaderSettings {
  readonly root: string;
  readonly dotfiles: readonly string[];
  readonly encodings: readonly Encoding[];
  readonly followSymlinks: boolean;
  readonly cacheControl: (path: string, type: string) => string;
}

/** Reads the metadata of files and builds resources from it. */
export class ResourceReader {
  readonly #settings: ReaderSettings;
  /** One memoized negotiation for each set of siblings that a resource can have. */
  readonly #choices = new Map<string, (acceptEncoding: string) => { readonly encoding: Encoding } | null>();

  constructor(settings: ReaderSettings) {
    this.#settings = settings;
  }

  /** Reads the state of the file and its siblings, in parallel. */
  async observe(path: string): Promise<Observation> {
    const { root, encodings } = this.#settings;
    const file = root + path;
    const at = Date.now();
    const candidates = isWorthEncoding(path) ? encodings : [];
    const [stats, ...siblings] = await Promise.all([
      statOf(file),
      // An error of a sibling does not affect the file itself.
      ...candidates.map((encoding) => statOf(file + siblingExtensions[encoding]).catch(() => undefined)),
    ]);
    return { at, stats, siblings: candidates.map((encoding, i) => ({ encoding, stats: siblings[i] })) };
  }

  /** Whether nothing changed between two observations. A recently changed file is treated as changed. */
  isUnchanged(before: Observation, now: Observation): boolean {
    const pairs = before.siblings.map((sibling, i) => [sibling.stats, now.siblings[i]?.stats] as const);
    return [[before.stats, now.stats] as const, ...pairs].every(
      ([then, later]) => isSameFile(then, later) && (then === undefined || isSettled(then, before.at)),
    );
  }

  /** The resource of an observed regular file, or `undefined` when it may not be served. */
  async read(path: string, observed: Observation): Promise<Resource | undefined> {
    const { stats } = observed;
    if (stats === undefined) return undefined;
    const file = await this.#locate(path);
    if (file === undefined) return undefined;
    const type = typeOf(path);
    const represent = (
      encoding: Representation['encoding'],
      file: string,
      state: FileState,
    ): Representation => ({
      encoding,
      file,
      state,
      etag: etagOf(state, encoding === 'identity' ? undefined : encoding, observed.at),
      bodyHeaders: [
        ['Content-Type', type],
        encoding === 'identity' ? ['Accept-Ranges', 'bytes'] : ['Content-Encoding', encoding],
      ],
      body: undefined,
    });
    const identity = represent('identity', file, stats);
    const encoded: Representation[] = [];
    for (const { encoding, stats: sibling } of observed.siblings) {
      if (sibling === undefined || !isCopyOf(sibling, stats)) continue;
      const place = await this.#locate(path + siblingExtensions[encoding]);
      if (place !== undefined && (await isReadable(place))) encoded.push(represent(encoding, place, sibling));
    }
    const choose = this.#chooserOf(encoded.map(({ encoding }) => encoding as Encoding));
    return {
      path,
      stats,
      lastModified: new Date(modifiedMs(stats)).toUTCString(),
      cacheControl: this.#settings.cacheControl(path, type),
      varies: observed.siblings.length > 0,
      identity,
      representations: [identity, ...encoded],
      offer: (accepted) => {
        const chosen = choose(accepted);
        return chosen === null
          ? null
          : (encoded.find(({ encoding }) => encoding === chosen.encoding) ?? null);
      },
      observed,
      checkedAt: 0,
    };
  }

  /** The resolved path of a file, or `undefined` when links lead out of the root or to a name that is not servable. */
  async #locate(file: string): Promise<string | undefined> {
    const { root, dotfiles, followSymlinks } = this.#settings;
    const [top, real] = await Promise.all([realpathOf(root), realpathOf(root + file)]);
    if (top === undefined || real === undefined || followSymlinks) return real;
    const inside = top.endsWith(path.sep) ? top : top + path.sep;
    if (!real.startsWith(inside)) return undefined;
    const below = `/${real.slice(inside.length).split(path.sep).join('/')}`;
    return isServable(below, dotfiles) ? real : undefined;
  }

  #chooserOf(encodings: readonly Encoding[]) {
    const codings = encodings.map((encoding) => ({ encoding }));
    return getOrCreate(this.#choices, encodings.join(), () => negotiation(codings));
  }
}

const statOf = (file: string) => unlessMissing(fs.promises.stat(file));
const realpathOf = (file: string) => unlessMissing(fs.promises.realpath(file));

/** Whether this process may read a file. Other errors are reported when the file is opened. */
async function isReadable(file: string): Promise<boolean> {
  try {
    await fs.promises.access(file, fs.constants.R_OK);
    return true;
  } catch (error) {
    return !isForbidden(error);
  }
}

async function unlessMissing<Result>(result: Promise<Result>): Promise<Result | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
