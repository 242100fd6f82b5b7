import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { contextOf } from '../../support/context/context.js';
import type { CacheParts } from './cache-parts.js';
import type { Miss } from './exchange.js';
import { type Refusal, type Storable, storability } from './storability.js';
import { tagsOf } from './tags.js';

/** Why a response is not stored, and what that means for other requests for its key. */
export interface NotStored extends Refusal {
  /** `release` if other responses would not be stored either; `fail` if the next one may be. */
  readonly how: 'fail' | 'release';
  /** Whether the response also outdates the stored one. */
  readonly outdates?: boolean;
}

/** Decides whether the response to a miss is stored: when its headers are complete, and again when it was sent. */
export class StorageCheck {
  /** The headers that were set before the cache. */
  readonly outer: OutgoingHttpHeaders;
  readonly #parts: Pick<CacheParts, 'settings' | 'purges'>;
  readonly #miss: Miss;
  readonly #purgeMark: number;
  #status = 0;
  #contentLength: number | undefined;
  #tags: readonly string[] = [];

  constructor(parts: Pick<CacheParts, 'settings' | 'purges'>, miss: Miss) {
    this.#parts = parts;
    this.#miss = miss;
    this.#purgeMark = parts.purges.mark;
    this.outer = { ...miss.exchange.res.getHeaders() };
  }

  get tags(): readonly string[] {
    return this.#tags;
  }

  /** Checks a response with complete headers. `length` is that of the whole body, if it is known. */
  atHead(status: number, headers: OutgoingHttpHeaders, length: number | undefined): Storable | NotStored {
    const { settings } = this.#parts;
    const { exchange, hasCredentials } = this.#miss;
    const declared = headers['content-length'];
    this.#status = status;
    this.#contentLength = declared === undefined ? undefined : Number(declared);
    const verdict = this.#judge(headers);
    if ('refused' in verdict) {
      // A 304 does not show whether the whole response can be shared.
      if (status >= 500 || status === 304) return { ...verdict, how: 'fail' };
      return { ...verdict, how: 'release', outdates: !hasCredentials };
    }
    if (length !== undefined && length > settings.maxEntryBytes) {
      return { refused: 'it is too large', how: 'release' };
    }
    if (this.#isWrongLength(length)) return wrongLength;
    const tags = tagsOf(exchange.req, exchange.res, settings.tags);
    if (tags === undefined) return { refused: 'its tags could not be read', how: 'release' };
    this.#tags = tags;
    return this.isPurged() ? purged : verdict;
  }

  /** Checks a response that was sent. `hasOriginalHead` is whether no other package has replaced `writeHead`. */
  atEnd(
    storable: Storable,
    length: number,
    hasTrailers: boolean,
    hasOriginalHead: boolean,
  ): NotStored | undefined {
    if (this.#isWrongLength(length)) return wrongLength;
    if (hasTrailers) return { refused: 'it has trailers', how: 'release' };
    if (!this.#isWhatWasSent(storable, hasOriginalHead)) {
      return { refused: 'an earlier middleware changed it after the cache', how: 'release' };
    }
    return this.isPurged() ? purged : undefined;
  }

  isPurged(): boolean {
    return this.#parts.purges.purgedSince(this.#purgeMark, this.#miss.target.key, this.#tags);
  }

  #isWrongLength(length: number | undefined): boolean {
    const hasBody = this.#status !== 204;
    return (
      hasBody && length !== undefined && this.#contentLength !== undefined && this.#contentLength !== length
    );
  }

  /**
   * Whether the headers that were sent allow to store the response. Middleware mounted before the cache, such as
   * sessions, sets headers in `writeHead`, after the cache has read them.
   */
  #isWhatWasSent({ vary }: Storable, hasOriginalHead: boolean): boolean {
    const { res } = this.#miss.exchange;
    // After a disconnect no head is sent. Then the response is stored only with an original writeHead.
    if (!res.headersSent && !(res.destroyed && hasOriginalHead)) return false;
    const sent = this.#judge(res.getHeaders());
    if ('refused' in sent) return false;
    return sent.vary.every((field) => field === 'accept-encoding' || vary.includes(field));
  }

  #judge(headers: OutgoingHttpHeaders): Storable | Refusal {
    const { exchange, hasCredentials } = this.#miss;
    const { req, res } = exchange;
    return storability(
      {
        status: this.#status,
        message: (req.httpVersionMajor < 2 && res.statusMessage) || undefined,
        headers,
        names: writtenNames(res),
        outer: this.outer,
        hasCredentials,
        route: contextOf(req)?.route,
      },
      this.#parts.settings,
    );
  }
}

const wrongLength: NotStored = { refused: 'its length differs from Content-Length', how: 'fail' };
const purged: NotStored = { refused: 'it was purged while the handler ran', how: 'fail' };

/** The names of headers in their original case. In HTTP/2 all names are in lower case. */
function writtenNames(res: ServerResponse): string[] {
  return (res as { getRawHeaderNames?(): string[] }).getRawHeaderNames?.() ?? res.getHeaderNames();
}
