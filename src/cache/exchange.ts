import { AsyncResource } from 'node:async_hooks';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Body } from '../encoding/encoded-stream.js';
import { contextOf } from '../request-context.js';
import { debugFor } from '../support/debug.js';
import { BodyCollector } from './body-collector.js';
import type { CacheCore } from './cache-core.js';
import type { Target } from './cache-key.js';
import { addCacheStatus, type Forwarded } from './cache-status.js';
import type { Landing, Lead, Outcome, Waiter } from './flights.js';
import { keep, landingOf } from './keeping.js';
import { type Found, isOpen, type Passage } from './passage.js';
import { type OwnFunctions, ownFunctions, type Watcher } from './response-hooks.js';
import { type Storable, storability } from './storability.js';
import { isPromise } from './store-access.js';
import { answerStored, isKnown } from './stored-answer.js';
import { isResponse, type Stored } from './stored-response.js';
import { tagsOf } from './tags.js';
import { variantKey } from './vary.js';

const debug = debugFor('cache');

/** Failures that a stale answer may stand in for (RFC 5861 section 4). */
const failures = new Set([500, 502, 503, 504]);

const conditions = ['if-none-match', 'if-modified-since'] as const;

/** How often a request looks again after what it waited for was another variant. */
const mostRounds = 3;

const exchangeKey = Symbol('exchange');

type Watched = ServerResponse & { [exchangeKey]?: Exchange };

/** One request that the store had no answer for: on its way to the handler and back, or waiting for one that is. */
export class Exchange implements Watcher, Waiter {
  own!: OwnFunctions;

  readonly #core: CacheCore;
  readonly #passage: Passage;
  readonly #target: Target;
  readonly #found: Found;
  readonly #forwarded: Forwarded;
  readonly #stale: Stored | undefined;
  readonly #credentials: boolean;

  #lead: Lead | undefined;
  #endLead: (() => void) | undefined;
  #scope: AsyncResource | undefined;
  #rounds = 0;
  #unstored: string | undefined;
  #hidden: IncomingHttpHeaders | undefined;
  #outer: OutgoingHttpHeaders = {};
  #purgeMark = 0;
  #storable: Storable | undefined;
  #body: BodyCollector | undefined;
  #declared: number | undefined;
  /** The URL says something else now than what is stored, and it is not to be stored. */
  #outdates = false;
  #over = false;

  constructor(
    core: CacheCore,
    passage: Passage,
    target: Target,
    found: Found,
    forwarded: Forwarded,
    stale: Stored | undefined,
  ) {
    this.#core = core;
    this.#passage = passage;
    this.#target = target;
    this.#found = found;
    this.#forwarded = forwarded;
    this.#stale = stale;
    this.#credentials = core.hasCredentials(passage.req);
  }

  /** Under which requests are remembered to get answers of their own: those with credentials apart from the rest. */
  get passKey(): string {
    return this.#credentials ? `${this.#target.key}credentials` : this.#target.key;
  }

  /** Waits for the request that fills the key, or becomes that one. */
  runShared(): void {
    const { flights, store } = this.#core;
    const { key } = this.#found;
    if (flights.has(key)) {
      this.#scope ??= new AsyncResource('responseCache');
      flights.join(key, this);
      return;
    }
    const lead = flights.open(key);
    if (store.leads) void this.#leadForAll(lead);
    else this.run(lead);
  }

  /** Asks the other processes first. */
  async #leadForAll(lead: Lead): Promise<void> {
    const { store, flights } = this.#core;
    const end = await store.lead(this.#found.key, flights.leadMs);
    if (end === undefined) {
      const again = await this.#core.find(this.#target.key, this.#passage.req);
      const { entry } = again;
      if (entry !== undefined && isResponse(entry) && Date.now() < entry.head.freshUntil) {
        const landing = landingOf(again, entry);
        lead.land(landing);
        if (this.isWaiting()) this.#arrive(landing);
        return;
      }
    }
    this.#endLead = end;
    if (this.isWaiting()) this.run(lead);
    else {
      lead.fail();
      end?.();
    }
  }

  isWaiting(): boolean {
    return isOpen(this.#passage.res);
  }

  resume(outcome: Outcome): void {
    (this.#scope as AsyncResource).runInAsyncScope(() => this.#resumed(outcome));
  }

  #resumed(outcome: Outcome): void {
    if (outcome === 'alone') this.#goAlone();
    else if ('lead' in outcome) this.run(outcome.lead);
    else this.#arrive(outcome.landing);
  }

  #goAlone(): void {
    if (!this.isWaiting()) return;
    const now = Date.now();
    const stale = this.#stale;
    const { req, res } = this.#passage;
    if (stale !== undefined && now < stale.head.errorUntil) {
      this.#core.serve(req, res, stale, now, `fwd=stale; collapsed; detail=stale-if-error`);
    } else this.run(undefined);
  }

  /** Takes what the other request brought, where it is the answer to this one, too. */
  #arrive({ key, generation, vary, stored }: Landing): void {
    const { req, res } = this.#passage;
    const target = this.#target.key;
    const own = generation === undefined ? target : variantKey(target, generation, vary, req);
    if (own === key && (stored.head.open || !this.#credentials)) {
      this.#core.serve(req, res, stored, Date.now(), `fwd=${this.#forwarded}; collapsed`);
    } else if (own !== key && this.#rounds < mostRounds) {
      this.#rounds += 1;
      this.#core.look(this.#passage, this.#target);
    } else this.run(undefined);
  }

  /** Goes to the handler without a claim to be stored. */
  runUnstored(reason: string): void {
    this.#unstored = reason;
    this.run(undefined);
  }

  run(lead: Lead | undefined): void {
    const { req, res, proceed, more } = this.#passage;
    this.#lead = lead;
    this.#purgeMark = this.#core.purges.mark;
    this.#outer = { ...res.getHeaders() };
    this.own = ownFunctions(res);
    // all that wait need the whole answer; the client's own conditions are looked at when it is there
    if (lead !== undefined) this.#hideConditions();
    this.#core.hooks.watch(res, this);
    if (lead !== undefined) {
      (res as Watched)[exchangeKey] = this;
      res.on('close', onClose);
    }
    proceed(req, res, more);
  }

  #hideConditions(): void {
    const { headers } = this.#passage.req;
    for (const name of conditions) {
      if (headers[name] === undefined) continue;
      this.#hidden ??= { 'cache-control': headers['cache-control'] };
      this.#hidden[name] = headers[name];
      delete headers[name];
    }
  }

  onHead(status: number, whole: boolean): boolean {
    const { req, res } = this.#passage;
    const now = Date.now();
    if (this.#hidden !== undefined) {
      for (const name of conditions)
        if (this.#hidden[name] !== undefined) req.headers[name] = this.#hidden[name];
    }
    if (this.#stale !== undefined && failures.has(status) && now < this.#stale.head.errorUntil) {
      this.#answerStale(this.#stale, status, now);
      return true;
    }
    const headers = res.getHeaders();
    const storable = this.#judge(status, headers);
    const length = headers['content-length'];
    this.#declared = length === undefined ? undefined : Number(length);
    if (storable !== undefined) {
      this.#storable = storable;
      this.#body = new BodyCollector(this.#core.settings.maxEntryBytes);
    }
    if (this.#core.settings.cacheStatus) {
      const stored = storable !== undefined && (whole || length !== undefined) ? '; stored' : '';
      const detail = this.#unstored === undefined ? '' : `; detail=${this.#unstored}`;
      addCacheStatus(res, `fwd=${this.#forwarded}${stored}${detail}`);
    }
    if (
      this.#hidden === undefined ||
      !isKnown(this.#hidden, status, textOf(headers.etag), textOf(headers['last-modified']))
    ) {
      return false;
    }
    res.statusCode = 304;
    for (const name of ['Content-Type', 'Content-Length', 'Transfer-Encoding']) {
      if (res.hasHeader(name)) res.removeHeader(name);
    }
    this.own.end.call(res);
    return true;
  }

  #judge(status: number, headers: OutgoingHttpHeaders): Storable | undefined {
    if (this.#unstored !== undefined) return undefined;
    const { req, res } = this.#passage;
    const verdict = storability(
      {
        status,
        message: (req.httpVersionMajor < 2 && res.statusMessage) || undefined,
        headers,
        names: writtenNames(res),
        outer: this.#outer,
        credentials: this.#credentials,
        route: contextOf(req)?.route,
      },
      this.#core.settings,
    );
    if (!('refused' in verdict)) return verdict;
    if (status >= 500) this.#giveUp(verdict.refused, 'fail');
    else {
      this.#outdates = verdict.personal !== true;
      this.#giveUp(verdict.refused, 'dissolve');
    }
    return undefined;
  }

  /** A failure, while there is something better to say. */
  #answerStale(stale: Stored, status: number, now: number): void {
    const { req, res } = this.#passage;
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
    if (this.#outdates && this.#found.entry !== undefined) this.#core.forget(this.#found.key);
    const body = this.#body?.whole();
    if (this.#storable === undefined || body === undefined) return;
    const { res } = this.#passage;
    if (this.#declared !== undefined && this.#declared !== body.length && !isBodiless(this.#storable)) {
      this.#giveUp('its length is not what Content-Length says', 'fail');
    } else if ((res as { _trailer?: string })._trailer) this.#giveUp('it has trailers', 'dissolve');
    else this.#store(this.#storable, body);
  }

  #store(storable: Storable, body: Buffer): void {
    const { req, res } = this.#passage;
    const tags = tagsOf(req, res, this.#core.settings.tags);
    if (tags === undefined) {
      this.#giveUp('its tags could not be read', 'dissolve');
    } else if (this.#core.purges.purgedSince(this.#purgeMark, this.#target.key, tags)) {
      this.#giveUp('it was purged while it was made', 'fail');
    } else {
      const { landing, done } = keep(this.#core, req, this.#target.key, this.#found.marker, {
        storable,
        body,
        tags,
      });
      this.#core.passes.delete(this.passKey);
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
    const { req } = this.#passage;
    debug(() => ['%s %s: not stored, %s', req.method, req.url, reason]);
    this.#storable = undefined;
    this.#body = undefined;
    if (how === 'dissolve') {
      this.#core.passes.add(this.passKey);
      this.#lead?.dissolve();
    } else this.#lead?.fail();
    this.#endLead?.();
    this.#endLead = undefined;
  }
}

function onClose(this: Watched): void {
  this[exchangeKey]?.leave();
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
