import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { contextOf } from '../../support/context/context.js';
import { debugFor } from '../../support/debug.js';
import type { Body } from '../../support/encoding/encoded-stream.js';
import { BodyCollector } from './body-collector.js';
import type { CacheCore } from './cache-core.js';
import { addCacheStatus } from './cache-status.js';
import type { Lead } from './coalesced-requests.js';
import { type Miss, passKeyOf } from './passage.js';
import { ownFunctions, type Watcher } from './response-hooks.js';
import { answerStored, isKnown } from './send-stored-response.js';
import { type Refusal, type Storable, storability } from './storability.js';
import { isPromise } from './store-access.js';
import type { Stored } from './stored-response.js';
import { keep } from './storing.js';
import { tagsOf } from './tags.js';
import { hasTrailers, noteTrailers } from './trailers.js';

const debug = debugFor('cache');

/** Failures that a stale answer may stand in for (RFC 5861 section 4). */
const failures = new Set([500, 502, 503, 504]);

const conditions = ['if-none-match', 'if-modified-since'] as const;

const captureKey = Symbol('capture');

type Watched = ServerResponse & { [captureKey]?: Capture };

/** What a request goes to its handler with. */
export interface Errand {
  /** The task to fill the key for those who wait. */
  readonly lead?: Lead | undefined;
  /** Ends the lead among processes. */
  readonly endLead?: (() => void) | undefined;
  /** Why the answer is not to be stored, whatever it says. */
  readonly unstored?: string;
}

/** The answer of a handler on its way to a client, and into the store where it may. */
export class Capture implements Watcher {
  readonly own;

  readonly #core: CacheCore;
  readonly #miss: Miss;
  readonly #lead: Lead | undefined;
  #endLead: (() => void) | undefined;
  readonly #unstored: string | undefined;
  readonly #outer: OutgoingHttpHeaders;
  readonly #purgeMark: number;

  #hidden: IncomingHttpHeaders | undefined;
  #status = 0;
  /** The client has its 304, and the handler is still at work on the body. */
  #endsLater = false;
  #storable: Storable | undefined;
  #body: BodyCollector | undefined;
  #declared: number | undefined;
  /** The URL says something else now than what is stored, and it is not to be stored. */
  #outdates = false;
  #over = false;

  constructor(core: CacheCore, miss: Miss, { lead, endLead, unstored }: Errand) {
    const { res } = miss.passage;
    this.own = ownFunctions(res);
    this.#core = core;
    this.#miss = miss;
    this.#lead = lead;
    this.#endLead = endLead;
    this.#unstored = unstored;
    this.#outer = { ...res.getHeaders() };
    this.#purgeMark = core.purges.mark;
    core.hooks.watch(res, this);
    noteTrailers(res);
    if (lead === undefined) return;
    // all that wait need the whole answer; the client's own conditions are looked at when it is there
    this.#hideConditions();
    (res as Watched)[captureKey] = this;
    res.on('close', onClose);
  }

  #hideConditions(): void {
    const { headers } = this.#miss.passage.req;
    for (const name of conditions) {
      if (headers[name] === undefined) continue;
      this.#hidden ??= { 'cache-control': headers['cache-control'] };
      this.#hidden[name] = headers[name];
      delete headers[name];
    }
  }

  onHead(status: number, whole: boolean): boolean {
    const { req, res } = this.#miss.passage;
    const now = Date.now();
    this.#status = status;
    if (this.#hidden !== undefined) {
      for (const name of conditions)
        if (this.#hidden[name] !== undefined) req.headers[name] = this.#hidden[name];
    }
    if (this.#miss.stale !== undefined && failures.has(status) && now < this.#miss.stale.head.errorUntil) {
      this.#answerStale(this.#miss.stale, status, now);
      return true;
    }
    const headers = res.getHeaders();
    const storable = this.#storableNow(headers);
    const length = headers['content-length'];
    this.#declared = length === undefined ? undefined : Number(length);
    if (storable !== undefined) {
      this.#storable = storable;
      this.#body = new BodyCollector(this.#core.settings.maxEntryBytes);
    }
    if (this.#core.settings.cacheStatus) {
      const stored = storable !== undefined && (whole || length !== undefined) ? '; stored' : '';
      const detail = this.#unstored === undefined ? '' : `; detail=${this.#unstored}`;
      addCacheStatus(res, `fwd=${this.#miss.forwarded}${stored}${detail}`);
    }
    const known =
      this.#hidden !== undefined &&
      isKnown(this.#hidden, status, textOf(headers.etag), textOf(headers['last-modified']));
    if (!known || (!whole && storable === undefined)) return false;
    res.statusCode = 304;
    for (const name of ['Content-Type', 'Content-Length', 'Transfer-Encoding']) {
      if (res.hasHeader(name)) res.removeHeader(name);
    }
    if (whole) this.own.end.call(res);
    else {
      // a source that is piped goes on as long as the response is open
      this.#endsLater = true;
      res.flushHeaders();
    }
    return true;
  }

  #storableNow(headers: OutgoingHttpHeaders): Storable | undefined {
    if (this.#unstored !== undefined) return undefined;
    const verdict = this.#judge(headers);
    if (!('refused' in verdict)) return verdict;
    // a 304 says nothing about what others get
    if (this.#status >= 500 || this.#status === 304) this.#giveUp(verdict.refused, 'fail');
    else {
      this.#outdates = !this.#miss.credentials;
      this.#giveUp(verdict.refused, 'dissolve');
    }
    return undefined;
  }

  #judge(headers: OutgoingHttpHeaders): Storable | Refusal {
    const { req, res } = this.#miss.passage;
    return storability(
      {
        status: this.#status,
        message: (req.httpVersionMajor < 2 && res.statusMessage) || undefined,
        headers,
        names: writtenNames(res),
        outer: this.#outer,
        credentials: this.#miss.credentials,
        route: contextOf(req)?.route,
      },
      this.#core.settings,
    );
  }

  /** A failure, while there is something better to say. */
  #answerStale(stale: Stored, status: number, now: number): void {
    const { req, res } = this.#miss.passage;
    for (const name of res.getHeaderNames()) {
      const before = this.#outer[name];
      if (before === undefined) res.removeHeader(name);
      else if (before !== res.getHeader(name)) res.setHeader(name, before);
    }
    const state = this.#core.settings.cacheStatus
      ? `fwd=stale; fwd-status=${status}; detail=stale-if-error`
      : undefined;
    this.#giveUp(`it failed with ${status}, and a stale answer is sent`, 'fail');
    if (req.httpVersionMajor < 2) res.statusMessage = '';
    answerStored(req, res, stale, now, state, this.own.end as never);
  }

  take(chunk: Body, charset: BufferEncoding | undefined): void {
    if (this.#body === undefined) return;
    if (this.#body.add(chunk, charset)) return;
    this.#giveUp('it is too large', 'dissolve');
  }

  onEnd(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#endsLater) this.own.end.call(this.#miss.passage.res);
    if (this.#outdates && this.#miss.found.entry !== undefined) this.#core.forget(this.#miss.found.key);
    const body = this.#body?.whole();
    if (this.#storable === undefined || body === undefined) return;
    const { res } = this.#miss.passage;
    if (this.#declared !== undefined && this.#declared !== body.length && !isBodiless(this.#storable)) {
      this.#giveUp('its length is not what Content-Length says', 'fail');
    } else if (hasTrailers(res)) this.#giveUp('it has trailers', 'dissolve');
    else if (!this.#isWhatWasSent(this.#storable)) {
      this.#giveUp('what stands before the cache made another answer of it', 'dissolve');
    } else this.#store(this.#storable, body);
  }

  /** Sessions and the like, mounted before the cache, set their headers when the head goes out: after the cache looked. */
  #isWhatWasSent({ vary }: Storable): boolean {
    const { res } = this.#miss.passage;
    // where the client is gone no head is made: then nobody must stand in its way
    if (!res.headersSent && !(res.destroyed && hasOwnHead(res, this.own.writeHead))) return false;
    const sent = this.#judge(res.getHeaders());
    if ('refused' in sent) return false;
    return sent.vary.every((field) => field === 'accept-encoding' || vary.includes(field));
  }

  #store(storable: Storable, body: Buffer): void {
    const { req, res } = this.#miss.passage;
    const tags = tagsOf(req, res, this.#core.settings.tags);
    if (tags === undefined) {
      this.#giveUp('its tags could not be read', 'dissolve');
      return;
    }
    const isPurged = () => this.#core.purges.purgedSince(this.#purgeMark, this.#miss.target.key, tags);
    if (isPurged()) {
      this.#giveUp('it was purged while it was made', 'fail');
    } else {
      const { landing, done } = keep(this.#core, req, this.#miss.target.key, this.#miss.found.marker, {
        storable,
        body,
        tags,
        isPurged,
      });
      this.#core.passes.delete(passKeyOf(this.#miss));
      this.#lead?.land(landing, done);
      const end = this.#endLead;
      if (end === undefined) return;
      if (isPromise(done)) void done.then(end);
      else end();
    }
  }

  onDestroy(): void {
    if (this.#over) return;
    this.#over = true;
    this.#giveUp('it was cut short', 'fail');
  }

  /** The client left: another one takes the lead, and what the handler still does is welcome. */
  leave(): void {
    if (!this.#over) this.#lead?.fail();
  }

  #giveUp(reason: string, how: 'fail' | 'dissolve'): void {
    const { req } = this.#miss.passage;
    debug(() => ['%s %s: not stored, %s', req.method, req.url, reason]);
    this.#storable = undefined;
    this.#body = undefined;
    if (how === 'dissolve') {
      this.#core.passes.add(passKeyOf(this.#miss));
      this.#lead?.dissolve();
    } else this.#lead?.fail();
    this.#endLead?.();
    this.#endLead = undefined;
  }
}

function onClose(this: Watched): void {
  this[captureKey]?.leave();
}

function hasOwnHead(res: ServerResponse, writeHead: unknown): boolean {
  return writeHead === Object.getPrototypeOf(res).writeHead;
}

/** The names of headers as they were written; HTTP/2 knows lower case only. */
function writtenNames(res: ServerResponse): string[] {
  return (res as { getRawHeaderNames?(): string[] }).getRawHeaderNames?.() ?? res.getHeaderNames();
}

function isBodiless({ head }: Storable): boolean {
  return head.status === 204;
}

function textOf(header: OutgoingHttpHeaders[string]): string | undefined {
  return header === undefined ? undefined : String(header);
}
