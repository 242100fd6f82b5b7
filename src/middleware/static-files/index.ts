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
import { staticRootKey } from '../../support/symbols.js';
import { hasContentHash } from './content-hash.js';
import { FileServer } from './file-server.js';
import { isServable } from './request-path.js';
import { ResourceReader } from './resource.js';
import { ResourceStore } from './resource-store.js';

const debug = debugFor('static');

/** Options of {@link staticFiles}. */
export interface StaticFilesOptions {
  /**
   * Which files are sent as `immutable` because their name contains a hash of their content. `true` detects the names
   * that Vite, Rollup, webpack, esbuild and Parcel write. A pattern or a function is applied to the path below the root
   * (`/^\/assets\//`). HTML is never immutable.
   * @default true
   */
  readonly immutable?: boolean | RegExp | ((path: string) => boolean);
  /** Seconds for which a file that is neither immutable nor HTML is fresh (`max-age`). @default 60 */
  readonly maxAgeSeconds?: number;
  /**
   * The precompressed siblings to look for (`app.js.br`, `app.js.zst`, `app.js.gz`), the preferred one first. With `[]`
   * no siblings are sent. `express-productionize precompress` writes siblings.
   * @default ['br', 'zstd', 'gzip']
   */
  readonly precompressed?: readonly Encoding[];
  /** The file that is sent for a directory, or `false` for none. @default 'index.html' */
  readonly index?: string | false;
  /**
   * The page of a single-page app, as a path below the root. It is sent for navigations to paths without a file.
   * Mount the middleware after the routes of the app, because later routes do not receive these requests.
   * @default undefined, none
   */
  readonly fallback?: string;
  /**
   * Paths for which the fallback is not sent, including all paths below them.
   * @default ['/api', '/graphql', '/trpc', '/socket.io']
   */
  readonly fallbackExcept?: readonly string[];
  /** Names with a leading dot that are served, such as `.well-known`. @default [] */
  readonly dotfiles?: readonly string[];
  /** Whether symbolic links may lead out of the root. @default false */
  readonly followSymlinks?: boolean;
  /**
   * Whether a request that no file matches goes to the next handler. Otherwise the error handler receives a 404, or a
   * 405 for methods other than GET and HEAD.
   * @default true
   */
  readonly fallthrough?: boolean;
  /**
   * Bytes of memory for cached files. Files larger than 1/64 of it are sent from disk. 0 turns the cache off.
   * @default 32 MiB
   */
  readonly cacheBytes?: number;
  /**
   * Milliseconds between two checks of a file on disk. A change or a removal may have no effect for this time. With 0
   * the file is checked for each request.
   * @default 1000, and 0 where NODE_ENV is `development`, `test` or not set
   */
  readonly revalidateMs?: number;
  /**
   * A function that sets or replaces headers of the response. It receives the path of the file that is sent.
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
 * Middleware that serves the files below a directory. It sends precompressed siblings to clients that accept them.
 * Names with a content hash are `immutable`, HTML is revalidated, and other files are fresh for a minute. It supports
 * ranges, conditional requests and HEAD (RFC 9110). Small files are cached in bounded memory and checked again every
 * second. Nothing is read at start-up.
 *
 * Paths with dotfiles, path traversal, links out of the root or names with a special meaning on Windows are not found.
 * A request that no file matches goes to the next handler.
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
  function staticFilesMiddleware(req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) {
    server.handle(req, res, next);
  }
  return Object.defineProperty(staticFilesMiddleware, staticRootKey, { value: directoryOf(root) });
}

function resolveStaticFiles(root: string | URL, options?: StaticFilesOptions): FileServer {
  refuseRequest('staticFiles', root, "app.use(staticFiles('public'))");
  const directory = directoryOf(root);
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
    root: directory,
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
      root: directory,
      dotfiles,
      index,
      fallthrough,
      fallback: fallback === undefined ? undefined : { file: `/${fallback}`, except },
      setHeaders,
    },
    new ResourceStore(reader, { cacheBytes, revalidateMs }),
  );
}

function directoryOf(root: string | URL): string {
  if (root instanceof URL && root.protocol === 'file:') return path.resolve(fileURLToPath(root));
  if (isString(root) === undefined) return path.resolve(root as string);
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_OPTION',
    `staticFiles: expected the path or file URL of a directory, got ${quote(root)}. Pass it as the first argument.`,
  );
}

/** Returns the rule, which is called once per state of a file. When it throws, the file is not immutable. */
function immutableRule(rule: boolean | RegExp | ((path: string) => boolean)): (path: string) => boolean {
  if (typeof rule === 'boolean') return rule ? hasContentHash : () => false;
  // A global or sticky pattern would continue after its last match.
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
