import type { Stats } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { debugFor } from '../../support/debug.js';
import { type Encoding, encodingNames } from '../../support/encoding/encoders.js';
import { readEnvironment } from '../../support/environment.js';
import { ProductionizeError, quote } from '../../support/errors.js';
import {
  type Check,
  checkOptions,
  isBoolean,
  isEither,
  isFunction,
  isInteger,
  isOneOf,
  isString,
  isStringList,
  refuseRequest,
} from '../../support/options.js';
import { hasContentHash } from './content-hash.js';
import { FileServer } from './file-server.js';
import { isServable } from './request-path.js';
import { ResourceReader } from './resource.js';
import { ResourceStore } from './resource-store.js';

const debug = debugFor('static');

/** Options of {@link staticFiles}. */
export interface StaticFilesOptions {
  /**
   * Which names hold a hash of the content, so that a file of that name never changes: by the careful rule for the names
   * of Vite, Rollup, webpack, esbuild and Parcel, by a pattern for the path below the root (`/^\/assets\//`), by a
   * function of it, or none. Never HTML.
   * @default true, the careful rule
   */
  readonly immutable?: boolean | RegExp | ((path: string) => boolean);
  /**
   * Seconds for which a client may use a file that is neither immutable nor HTML without asking again.
   * @default 60
   */
  readonly maxAgeSeconds?: number;
  /**
   * The precompressed siblings to look for (`app.js.br`, `app.js.zst`, `app.js.gz`), the preferred one first; none with
   * `[]`. `express-productionize precompress` writes them.
   * @default ['br', 'zstd', 'gzip']
   */
  readonly precompressed?: readonly Encoding[];
  /**
   * The file that answers for a folder, or none.
   * @default 'index.html'
   */
  readonly index?: string | false;
  /**
   * The page of a single-page app, below the root: it answers navigations to paths that name no file. Mount this behind
   * the routes of the app, since it answers instead of those that come later.
   * @default undefined, none
   */
  readonly fallback?: string;
  /**
   * Paths that the fallback does not answer, nor anything below them.
   * @default ['/api', '/graphql', '/trpc', '/socket.io']
   */
  readonly fallbackExcept?: readonly string[];
  /**
   * Names with a leading dot that are served, such as `.well-known`.
   * @default []
   */
  readonly dotfiles?: readonly string[];
  /**
   * Whether links may lead out of the root.
   * @default false
   */
  readonly followSymlinks?: boolean;
  /**
   * Whether what is not found goes to the next handler. Otherwise the error handler gets a 404, and a 405 for methods
   * other than GET and HEAD.
   * @default true
   */
  readonly fallthrough?: boolean;
  /**
   * Bytes of memory for files that were asked for; those above a 64th of it are sent from disk. 0 keeps nothing.
   * @default 32 MiB
   */
  readonly cacheBytes?: number;
  /**
   * Milliseconds for which a file is taken to be as it was when it was looked at last: so long a change or a removal
   * may go unnoticed. With 0 each request looks.
   * @default 1000, and 0 where NODE_ENV is `development`, `test` or not set
   */
  readonly revalidateMs?: number;
  /**
   * Sets headers of your own on the answer with a file, instead of those it has; called with the path of the file that is
   * sent.
   * @default undefined
   */
  readonly setHeaders?: (res: ServerResponse, path: string, stats: Stats) => void;
}

const isFileName: Check = (value) =>
  typeof value === 'string' && value !== '' && isServable(`/${value}`, []) && !value.endsWith('/')
    ? undefined
    : "a file below the root, such as 'index.html'";

const isRegExp: Check = (value) => (value instanceof RegExp ? undefined : 'a RegExp');

const isEncodingList: Check = (value) =>
  Array.isArray(value) && value.every((item) => encodingNames.includes(item))
    ? undefined
    : "a list of 'br', 'zstd' and 'gzip'";

/**
 * Middleware that serves the files below a folder. Precompressed siblings are sent to clients that take them; names with
 * a content hash are `immutable`, HTML is revalidated, other files are fresh for a minute; ranges, conditional requests
 * and HEAD are answered (RFC 9110). Small files are kept in bounded memory and looked at again every second; nothing is
 * read at start-up, however large the folder.
 *
 * Dotfiles, traversal in any spelling, links out of the root and names that mean something else on Windows are not
 * found. What is not found goes to the next handler.
 *
 * @throws ProductionizeError when `root` is no path or an option is wrong.
 * @see https://expressjs.com/en/advanced/best-practice-performance.html
 * @example
 * app.use(staticFiles('dist', { fallback: 'index.html' }))
 */
export function staticFiles(
  root: string | URL,
  options?: StaticFilesOptions,
): (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void {
  const server = resolveStaticFiles(root, options);
  return function staticFilesMiddleware(req, res, next) {
    server.handle(req, res, next);
  };
}

function resolveStaticFiles(root: string | URL, options?: StaticFilesOptions): FileServer {
  refuseRequest('staticFiles', root, "app.use(staticFiles('public'))");
  const folder = folderOf(root);
  const {
    immutable = true,
    maxAgeSeconds = 60,
    precompressed = ['br', 'zstd', 'gzip'],
    index = 'index.html',
    fallback,
    fallbackExcept = ['/api', '/graphql', '/trpc', '/socket.io'],
    dotfiles = [],
    followSymlinks = false,
    fallthrough = true,
    cacheBytes = 32 * 1024 * 1024,
    revalidateMs = readEnvironment().mode === 'production' ? 1000 : 0,
    setHeaders,
  } = checkOptions<StaticFilesOptions>('staticFiles', options, {
    immutable: isEither(isBoolean, isRegExp, isFunction),
    maxAgeSeconds: isInteger('seconds'),
    precompressed: isEncodingList,
    index: isEither(isFileName, isOneOf(false)),
    fallback: isFileName,
    fallbackExcept: isStringList,
    dotfiles: isStringList,
    followSymlinks: isBoolean,
    fallthrough: isBoolean,
    cacheBytes: isInteger('bytes'),
    revalidateMs: isInteger('milliseconds'),
    setHeaders: isFunction,
  });
  const isImmutable = immutableRule(immutable);
  const reader = new ResourceReader({
    root: folder,
    dotfiles,
    encodings: precompressed,
    followSymlinks,
    cacheControl(file, type) {
      if (/^(?:text\/html|application\/xhtml\+xml)\b/.test(type)) return 'no-cache';
      return isImmutable(file) ? 'max-age=31536000, immutable' : `max-age=${maxAgeSeconds}`;
    },
  });
  const except = fallbackExcept.map((prefix) => `/${prefix.replace(/^\/+|\/+$/g, '')}`);
  return new FileServer(
    {
      root: folder,
      dotfiles,
      index,
      fallthrough,
      fallback: fallback === undefined ? undefined : { file: `/${fallback}`, except },
      setHeaders,
    },
    new ResourceStore(reader, { cacheBytes, revalidateMs }),
  );
}

function folderOf(root: string | URL): string {
  if (root instanceof URL && root.protocol === 'file:') return path.resolve(fileURLToPath(root));
  if (isString(root) === undefined) return path.resolve(root as string);
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_OPTION',
    `staticFiles: expected the path or file URL of a folder, got ${quote(root)}. Pass it as the first argument.`,
  );
}

/** Asked once per state of a file; a rule that throws is a no. */
function immutableRule(rule: boolean | RegExp | ((path: string) => boolean)): (path: string) => boolean {
  if (typeof rule === 'boolean') return rule ? hasContentHash : () => false;
  // a global or sticky pattern would go on from its last match
  const matches =
    rule instanceof RegExp ? new RegExp(rule.source, rule.flags.replace(/[gy]/g, '')) : undefined;
  return (file) => {
    try {
      return matches ? matches.test(file) : (rule as (path: string) => boolean)(file) === true;
    } catch (error) {
      debug(() => ['`immutable` threw for %s: %s', file, error]);
      return false;
    }
  };
}
