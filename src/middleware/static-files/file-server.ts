import fs from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import { addVary } from '../../support/encoding/encoding-headers.js';
import { warnOnce } from '../../support/errors.js';
import { isClosed } from '../../support/response-state.js';
import { encodedPath, pathOf } from '../../support/url-path.js';
import { FileChanged, httpError, isMissing, statusError } from './file-errors.js';
import { planResponse, type ResponsePlan, setFileHeaders } from './file-response.js';
import { openFile } from './open-file.js';
import { servablePath } from './request-path.js';
import type { Resource } from './resource.js';
import type { Lookup, ResourceStore } from './resource-store.js';
import { isNavigation } from './spa-fallback.js';
import { streamFile } from './stream-file.js';

const debug = debugFor('static');

export type Next = (error?: unknown) => void;

interface ServerSettings {
  readonly root: string;
  readonly dotfiles: readonly string[];
  readonly index: string | false;
  readonly fallthrough: boolean;
  readonly fallback: { readonly file: string; readonly except: readonly string[] } | undefined;
  readonly setHeaders: ((res: ServerResponse, path: string, stats: fs.Stats) => void) | undefined;
}

/** The maximum number of attempts to read a file that is replaced before it is sent. */
const maxAttempts = 3;

/** Responds to requests with the files of one root. */
export class FileServer {
  readonly #settings: ServerSettings;
  readonly #store: ResourceStore;
  #rootIsChecked = false;

  constructor(settings: ServerSettings, store: ResourceStore) {
    this.#settings = settings;
    this.#store = store;
  }

  handle(req: IncomingMessage, res: ServerResponse, next: Next): void {
    const { method } = req;
    if (res.headersSent) {
      next();
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      this.#skip(next, 405, { Allow: 'GET, HEAD' });
      return;
    }
    const path = this.#pathOf(req);
    if (path === undefined) {
      debug(() => ['%s %s names no file', method, req.url]);
      this.#skip(next, 404);
      return;
    }
    const known = this.#store.cached(path);
    try {
      if (typeof known === 'object' && !this.#isMountPoint(req) && this.#respondFromMemory(req, res, known))
        return;
    } catch (error) {
      next(httpError(error));
      return;
    }
    // Most requests for missing files are for a later route, so they are passed on synchronously.
    if (known === 'missing' && !this.#isNavigation(req)) {
      this.#skip(next, 404);
      return;
    }
    this.#serve(req, res, path, next).catch((error) => next(httpError(error)));
  }

  /** The path of the requested file, or `undefined` when the path itself is not servable. */
  #pathOf({ url = '/' }: IncomingMessage): string | undefined {
    const { dotfiles, index } = this.#settings;
    const path = servablePath(pathOf(url), dotfiles);
    if (path === undefined || !path.endsWith('/')) return path;
    return index === false ? undefined : path + index;
  }

  async #serve(req: IncomingMessage, res: ServerResponse, path: string, next: Next): Promise<void> {
    const found = await this.#find(path);
    if (isFinished(res)) return;
    if (typeof found === 'object') {
      if (this.#isMountPoint(req)) redirectToDirectory(req, res);
      else await this.#send(req, res, found, next);
    } else if (found === 'directory' && (await this.#hasIndex(path))) {
      redirectToDirectory(req, res);
    } else {
      await this.#respondToMissing(req, res, next);
    }
  }

  async #find(path: string): Promise<Lookup> {
    return this.#store.cached(path) ?? this.#store.read(path);
  }

  async #hasIndex(path: string): Promise<boolean> {
    const { index } = this.#settings;
    return index !== false && typeof (await this.#find(`${path}/${index}`)) === 'object';
  }

  /**
   * Whether the request is for the mount path without a slash, for which `req.url` is `/` in Express. Relative links of
   * its page would not contain the mount path.
   */
  #isMountPoint(req: IncomingMessage): boolean {
    const { originalUrl } = req as { originalUrl?: string };
    if (originalUrl === undefined || originalUrl === req.url) return false;
    return pathOf(req.url ?? '/') === '/' && !pathOf(originalUrl).endsWith('/');
  }

  async #respondToMissing(req: IncomingMessage, res: ServerResponse, next: Next): Promise<void> {
    const { fallback } = this.#settings;
    if (fallback !== undefined && this.#isNavigation(req)) {
      const page = await this.#find(fallback.file);
      if (typeof page === 'object') {
        addVary(res, 'Accept');
        addVary(res, 'Sec-Fetch-Dest');
        if (!this.#respondFromMemory(req, res, page)) await this.#send(req, res, page, next);
        return;
      }
    }
    await this.#warnIfRootIsMissing();
    this.#skip(next, 404);
  }

  #isNavigation(req: IncomingMessage): boolean {
    const { fallback } = this.#settings;
    return fallback !== undefined && isNavigation(req.headers, pathsOf(req), fallback.except);
  }

  /** Warns once when the root does not exist, because a mistyped path results in a 404 for every request. */
  async #warnIfRootIsMissing(): Promise<void> {
    if (this.#rootIsChecked) return;
    this.#rootIsChecked = true;
    const { root } = this.#settings;
    const stats = await fs.promises.stat(root).catch(() => undefined);
    if (stats?.isDirectory()) return;
    warnOnce(
      'ERR_PRODUCTIONIZE_STATIC_ROOT',
      `staticFiles: there is no directory ${JSON.stringify(root)}. Pass an absolute path, or a path relative to the working directory of the process.`,
      root,
    );
  }

  #skip(next: Next, status: 404 | 405, headers?: Record<string, string>): void {
    if (this.#settings.fallthrough) next();
    else next(statusError(status, headers));
  }

  /** Responds synchronously when no file has to be read; otherwise returns false. */
  #respondFromMemory(req: IncomingMessage, res: ServerResponse, resource: Resource): boolean {
    const plan = planResponse(req, res, resource);
    const { status, representation, part } = plan;
    const isBodiless = req.method === 'HEAD' || status === 304 || status === 412 || status === 416;
    const { body } = representation;
    if (!isBodiless && body === undefined) return false;
    this.#head(res, resource, plan);
    if (isBodiless) res.end();
    else res.end(part === undefined ? body : body?.subarray(part.start, part.end + 1));
    return true;
  }

  async #send(req: IncomingMessage, res: ServerResponse, resource: Resource, next: Next): Promise<void> {
    let found: Lookup = resource;
    for (let attempt = 1; typeof found === 'object'; attempt++) {
      if (this.#respondFromMemory(req, res, found)) return;
      const plan = planResponse(req, res, found);
      const { representation, part } = plan;
      try {
        if (this.#store.isSmall(representation)) {
          await this.#store.body(found, representation);
          if (isFinished(res)) return;
          continue;
        }
        const file = await openFile(representation);
        try {
          if (isFinished(res)) return;
          this.#head(res, found, plan);
          const { start, end } = part ?? { start: 0, end: representation.state.size - 1 };
          await streamFile(file, res, start, end - start + 1);
        } finally {
          await file.close();
        }
        return;
      } catch (error) {
        const changed = error instanceof FileChanged || isMissing(error);
        if (!changed || attempt >= maxAttempts || res.headersSent) throw error;
        this.#store.delete(found);
        found = await this.#store.read(found.path);
      }
    }
    this.#skip(next, 404);
  }

  #head(res: ServerResponse, resource: Resource, plan: ResponsePlan): void {
    if (plan.status !== 200) res.statusCode = plan.status;
    setFileHeaders(res, resource, plan);
    if (plan.status < 400) this.#settings.setHeaders?.(res, plan.representation.file, resource.stats);
  }
}

/** Whether another handler responded while a file was read, or the client has disconnected. */
function isFinished(res: ServerResponse): boolean {
  return res.headersSent || isClosed(res);
}

function pathsOf(req: IncomingMessage): string[] {
  const { originalUrl } = req as { originalUrl?: string };
  const paths = [pathOf(req.url ?? '/')];
  if (originalUrl !== undefined && originalUrl !== req.url) paths.push(pathOf(originalUrl));
  return paths;
}

/** Adds the trailing slash. Leading slashes are merged, because browsers read `//host` and `/\host` as another host. */
function redirectToDirectory(req: IncomingMessage, res: ServerResponse): void {
  const { originalUrl = req.url ?? '/' } = req as { originalUrl?: string };
  const path = pathOf(originalUrl);
  const query = originalUrl.slice(originalUrl.indexOf(path) + path.length);
  res.statusCode = 301;
  res.setHeader('Location', encodedPath(`${path.replace(/^[/\\]+/, '/')}/${query}`));
  res.setHeader('Content-Length', 0);
  res.end();
}
