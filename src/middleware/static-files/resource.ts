import fs from 'node:fs';
import path from 'node:path';
import { negotiation } from '../../support/encoding/content-encoding.js';
import type { Encoding } from '../../support/encoding/encoders.js';
import { etagOf, type FileState, isAtRest, isSame, modifiedMs } from './file-state.js';
import { isServable } from './request-path.js';
import { isCopyOf, isWorthEncoding, siblingExtensions, typeOf } from './siblings.js';

/** One form of a resource: a file, and the headers that describe it. */
export interface Representation {
  /** The coding of a precompressed sibling; `identity` for the file that was asked for. */
  readonly encoding: Encoding | 'identity';
  /** Where it really is, links resolved. */
  readonly file: string;
  readonly state: FileState;
  readonly etag: string;
  /** `Content-Type` and what else only goes with a body. */
  readonly bodyHeaders: readonly (readonly [name: string, value: string])[];
  /** The whole body, once it was read and where it is small. */
  body: Buffer | undefined;
}

/** What a path names, as it was when it was looked at. */
export interface Resource {
  readonly path: string;
  readonly stats: fs.Stats;
  readonly lastModified: string;
  readonly cacheControl: string;
  /** Whether there could be more than one representation. */
  readonly varies: boolean;
  readonly identity: Representation;
  /** The identity and its siblings. */
  readonly representations: readonly Representation[];
  /** The representation for a value of `Accept-Encoding`; `null` is the identity. */
  readonly offer: (acceptEncoding: string) => Representation | null;
  readonly observed: Observation;
  /** When it was looked at last, in milliseconds of `performance.now()`. */
  checkedAt: number;
}

/** The files that decide what a resource is: the one that was asked for, and its siblings. */
export interface Observation {
  readonly at: number;
  readonly stats: fs.Stats | undefined;
  readonly siblings: readonly { readonly encoding: Encoding; readonly stats: fs.Stats | undefined }[];
}

/** What {@link ResourceReader} goes by. */
export interface ReaderSettings {
  readonly root: string;
  readonly dotfiles: readonly string[];
  readonly encodings: readonly Encoding[];
  readonly followSymlinks: boolean;
  readonly cacheControl: (path: string, type: string) => string;
}

const noFile = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EINVAL']);

/** Whether an error of the file system says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return noFile.has(String((error as NodeJS.ErrnoException).code));
}

/** Whether an error of the file system says that this process may not. */
export function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(String((error as NodeJS.ErrnoException).code));
}

/** Looks at files and tells what they are as resources. */
export class ResourceReader {
  readonly #settings: ReaderSettings;
  /** One memory of choices for each set of siblings that a resource can have. */
  readonly #choices = new Map<string, (acceptEncoding: string) => { readonly encoding: Encoding } | null>();

  constructor(settings: ReaderSettings) {
    this.#settings = settings;
  }

  /** One `stat` for each file that counts, at once. */
  async observe(path: string): Promise<Observation> {
    const { root, encodings } = this.#settings;
    const file = root + path;
    const at = Date.now();
    const wanted = isWorthEncoding(path) ? encodings : [];
    const [stats, ...siblings] = await Promise.all([
      statOf(file),
      // what is wrong with a sibling is no reason to refuse the file itself
      ...wanted.map((encoding) => statOf(file + siblingExtensions[encoding]).catch(() => undefined)),
    ]);
    return { at, stats, siblings: wanted.map((encoding, i) => ({ encoding, stats: siblings[i] })) };
  }

  /** Whether nothing changed from one observation to the next; where that cannot be told, it counts as changed. */
  isUnchanged(before: Observation, now: Observation): boolean {
    const pairs = before.siblings.map((sibling, i) => [sibling.stats, now.siblings[i]?.stats] as const);
    return [[before.stats, now.stats] as const, ...pairs].every(
      ([then, later]) => isSame(then, later) && (then === undefined || isAtRest(then, before.at)),
    );
  }

  /** The resource behind an observation of a regular file; `undefined` where it may not be served. */
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

  /** Where a file really is; `undefined` where links lead out of the root, or to what has no name on a site. */
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
    const key = encodings.join();
    const known = this.#choices.get(key);
    if (known !== undefined) return known;
    const choose = negotiation(encodings.map((encoding) => ({ encoding })));
    this.#choices.set(key, choose);
    return choose;
  }
}

const statOf = (file: string) => unlessMissing(fs.promises.stat(file));
const realpathOf = (file: string) => unlessMissing(fs.promises.realpath(file));

/** Whether this process may read a file; anything else that is wrong with it shows when it is opened. */
async function isReadable(file: string): Promise<boolean> {
  try {
    await fs.promises.access(file, fs.constants.R_OK);
    return true;
  } catch (error) {
    return !isForbidden(error);
  }
}

async function unlessMissing<Result>(answer: Promise<Result>): Promise<Result | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
