import fs from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import { headerText } from '../../support/encoding/encoding-headers.js';
import { warnOnce } from '../../support/errors.js';
import { isClosed } from '../../support/response-state.js';
import { pathOf } from '../../support/url-path.js';
import { decideAnswer, type FileAnswer, setFileHeaders } from './file-response.js';
import { httpError, statusError } from './http-error.js';
import { FileChanged, openFile } from './open-file.js';
import { servablePath } from './request-path.js';
import { isMissing, type Resource } from './resource.js';
import type { Found, ResourceStore } from './resource-store.js';
import { wantsPage } from './spa-fallback.js';
import { streamFile } from './stream-file.js';

const debug = debugFor('static');

export type Next = (error?: unknown) => void;

/** What {@link FileServer} goes by. */
export interface ServerSettings {
  readonly root: string;
  readonly dotfiles: readonly string[];
  readonly index: string | false;
  readonly fallthrough: boolean;
  readonly fallback: { readonly file: string; readonly except: readonly string[] } | undefined;
  readonly setHeaders: ((res: ServerResponse, path: string, stats: fs.Stats) => void) | undefined;
}

/** A file that is replaced again and again while it is asked for is given up after so many looks. */
const maxAttempts = 3;

/** Answers requests with the files of one root. */
export class FileServer {
  readonly #settings: ServerSettings;
  readonly #store: ResourceStore;
  #rootIsKnown = false;

  constructor(settings: ServerSettings, store: ResourceStore) {
    this.#settings = settings;
    this.#store = store;
  }

  handle(req: IncomingMessage, res: ServerResponse, next: Next): void {
    const { method } = req;
    if (method !== 'GET' && method !== 'HEAD') {
      this.#pass(next, 405, { Allow: 'GET, HEAD' });
      return;
    }
    const path = this.#pathOf(req);
    if (path === undefined) {
      debug(() => ['%s %s names no file', method, req.url]);
      this.#pass(next, 404);
      return;
    }
    const known = this.#store.recall(path);
    if (typeof known === 'object' && !this.#isMountPoint(req) && this.#answerFromMemory(req, res, known))
      return;
    // a route of the app behind this, most of the time: no promise on its way
    if (known === 'nothing' && !this.#wantsPage(req)) {
      this.#pass(next, 404);
      return;
    }
    this.#serve(req, res, path, next).catch((error) => next(httpError(error)));
  }

  /** The file that a request asks for; `undefined` where its path alone says that there is none. */
  #pathOf({ url = '/' }: IncomingMessage): string | undefined {
    const { dotfiles, index } = this.#settings;
    const path = servablePath(pathOf(url), dotfiles);
    if (path === undefined || !path.endsWith('/')) return path;
    return index === false ? undefined : path + index;
  }

  async #serve(req: IncomingMessage, res: ServerResponse, path: string, next: Next): Promise<void> {
    const found = await this.#find(path);
    if (isOver(res)) return;
    if (typeof found === 'object') {
      if (this.#isMountPoint(req)) redirectToFolder(req, res);
      else await this.#send(req, res, found, next);
    } else if (found === 'directory' && (await this.#hasIndex(path))) {
      redirectToFolder(req, res);
    } else {
      await this.#miss(req, res, next);
    }
  }

  async #find(path: string): Promise<Found> {
    return this.#store.recall(path) ?? this.#store.look(path);
  }

  async #hasIndex(path: string): Promise<boolean> {
    const { index } = this.#settings;
    return index !== false && typeof (await this.#find(`${path}/${index}`)) === 'object';
  }

  /** Express hands a request for the mount path itself on as `/`; relative links of a page would miss the mount path. */
  #isMountPoint(req: IncomingMessage): boolean {
    const { originalUrl } = req as { originalUrl?: string };
    if (originalUrl === undefined || originalUrl === req.url) return false;
    return pathOf(req.url ?? '/') === '/' && !pathOf(originalUrl).endsWith('/');
  }

  async #miss(req: IncomingMessage, res: ServerResponse, next: Next): Promise<void> {
    const { fallback } = this.#settings;
    if (fallback !== undefined && this.#wantsPage(req)) {
      const page = await this.#find(fallback.file);
      if (typeof page === 'object') {
        varyOnPage(res);
        if (!this.#answerFromMemory(req, res, page)) await this.#send(req, res, page, next);
        return;
      }
    }
    await this.#checkRoot();
    this.#pass(next, 404);
  }

  #wantsPage(req: IncomingMessage): boolean {
    const { fallback } = this.#settings;
    return fallback !== undefined && wantsPage(req.headers, pathsOf(req), fallback.except);
  }

  /** Tells once where there is no root at all: a path with a slip answers 404 to everything. */
  async #checkRoot(): Promise<void> {
    if (this.#rootIsKnown) return;
    this.#rootIsKnown = true;
    const { root } = this.#settings;
    const stats = await fs.promises.stat(root).catch(() => undefined);
    if (stats?.isDirectory()) return;
    warnOnce(
      'ERR_PRODUCTIONIZE_STATIC_ROOT',
      `staticFiles: there is no folder ${JSON.stringify(root)}. Pass an absolute path, or one from the folder the app is started in.`,
      root,
    );
  }

  #pass(next: Next, status: 404 | 405, headers?: Record<string, string>): void {
    if (this.#settings.fallthrough) next();
    else next(statusError(status, headers));
  }

  /** Answers at once where it takes no file; false where it does. */
  #answerFromMemory(req: IncomingMessage, res: ServerResponse, resource: Resource): boolean {
    const answer = decideAnswer(req, resource);
    const { status, representation, part } = answer;
    const isBodiless = req.method === 'HEAD' || status === 304 || status === 412 || status === 416;
    const { body } = representation;
    if (!isBodiless && body === undefined) return false;
    this.#head(res, resource, answer);
    if (isBodiless) res.end();
    else res.end(part === undefined ? body : body?.subarray(part.start, part.end + 1));
    return true;
  }

  async #send(req: IncomingMessage, res: ServerResponse, resource: Resource, next: Next): Promise<void> {
    let found: Found = resource;
    for (let attempt = 1; typeof found === 'object'; attempt++) {
      if (this.#answerFromMemory(req, res, found)) return;
      const answer = decideAnswer(req, found);
      const { representation, part } = answer;
      try {
        if (this.#store.isSmall(representation)) {
          await this.#store.body(found, representation);
          if (isOver(res)) return;
          continue;
        }
        const file = await openFile(representation);
        try {
          if (isOver(res)) return;
          this.#head(res, found, answer);
          const { start, end } = part ?? { start: 0, end: representation.state.size - 1 };
          await streamFile(file, res, start, end - start + 1);
        } finally {
          await file.close();
        }
        return;
      } catch (error) {
        const changed = error instanceof FileChanged || isMissing(error);
        if (!changed || attempt >= maxAttempts || res.headersSent) throw error;
        this.#store.forget(found);
        found = await this.#store.look(found.path);
      }
    }
    this.#pass(next, 404);
  }

  #head(res: ServerResponse, resource: Resource, answer: FileAnswer): void {
    if (answer.status !== 200) res.statusCode = answer.status;
    setFileHeaders(res, resource, answer);
    if (answer.status < 400) this.#settings.setHeaders?.(res, answer.representation.file, resource.stats);
  }
}

/** Somebody else answered while a file was waited for, or there is nobody to answer any more. */
function isOver(res: ServerResponse): boolean {
  return res.headersSent || isClosed(res);
}

function pathsOf(req: IncomingMessage): string[] {
  const { originalUrl } = req as { originalUrl?: string };
  const paths = [pathOf(req.url ?? '/')];
  if (originalUrl !== undefined && originalUrl !== req.url) paths.push(pathOf(originalUrl));
  return paths;
}

function varyOnPage(res: ServerResponse): void {
  const vary = headerText(res, 'vary');
  res.setHeader('Vary', `${vary === '' ? '' : `${vary}, `}Accept, Sec-Fetch-Dest`);
}

/** Adds the slash, on this host: `//host` and `/\host` would be another one to a browser. */
function redirectToFolder(req: IncomingMessage, res: ServerResponse): void {
  const { originalUrl = req.url ?? '/' } = req as { originalUrl?: string };
  const path = pathOf(originalUrl);
  const query = originalUrl.slice(originalUrl.indexOf(path) + path.length);
  res.statusCode = 301;
  res.setHeader('Location', `${path.replace(/^[/\\]+/, '/')}/${query}`);
  res.setHeader('Content-Length', 0);
  res.end();
}
