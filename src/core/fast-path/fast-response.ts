import http from 'node:http';
import type { Application, Express, Response } from 'express';
import { memoizeHeader } from '../../support/bounded-map.js';
import { replaceMethod } from '../../support/replace-method.js';
import { takesText, wrappedSendKey } from '../../support/symbols.js';
import { isExpressMethod } from './express-methods.js';

type Json = Response['json'];
type Send = Response['send'];
type Senders = { json: Json; send: Send; set: unknown };

type TakesBody = ((...args: never[]) => unknown) & { [takesText]?: boolean };

/** Status codes of responses without a body. Express takes extra steps for these, which the fast path omits. */
const bodiless = new Set([204, 205, 304]);

/**
 * Sends strings and JSON of one app in fewer steps. `res.json` and `res.send` of Express parse and format the content
 * type each time. They also check the freshness of a request without conditions. They convert a string to bytes, which
 * the server converts back to a string to join it to the head.
 *
 * The bytes that are sent stay the same. Express itself determines the content type, once per type. All special cases
 * use Express's own methods. Returns its undo.
 */
export function installFastResponses(app: Application): () => void {
  const prototype = (app as Express).response as object as Senders;
  const { json: expressJson, send: expressSend, set: expressSet } = prototype;
  // a method that has replaced Express's own is left in place
  const { [wrappedSendKey]: original = expressSend } = expressSend as Send & { [wrappedSendKey]?: Send };
  const isWrapped = original !== expressSend;
  if (!isExpressMethod('json', expressJson) || !isExpressMethod('send', original)) return () => {};
  // `express.response` has the methods of all apps: one that is replaced there later takes effect in this app, too
  const ofAllApps = Object.getPrototypeOf(prototype) as Senders;
  const { json: jsonOfAllApps, send: sendOfAllApps } = ofAllApps;
  const typeOfText = memoizeHeader((given) => probeType(prototype, expressSend, given, ''));
  const typeOfJson = probeType(prototype, expressJson, '', {});

  const json: Json = function json(this: Response, ...args: Parameters<Json>): Response {
    if (ofAllApps.json !== jsonOfAllApps) return ofAllApps.json.apply(this, args);
    const { settings } = this.app as unknown as { settings: Record<string, unknown> };
    const formatted = settings['json replacer'] || settings['json spaces'] || settings['json escape'];
    const isReplaced = this.send !== send || this.set !== expressSet || ofAllApps.send !== sendOfAllApps;
    if (args.length !== 1 || formatted || isReplaced) {
      return expressJson.apply(this, args);
    }
    const text = JSON.stringify(args[0]);
    const given = this.getHeader('Content-Type');
    if (text !== undefined && !given && sendText(this, text, typeOfJson)) return this;
    if (!given) this.set('Content-Type', 'application/json');
    return this.send(text);
  };

  const send: Send = function send(this: Response, ...args: Parameters<Send>): Response {
    const [body] = args;
    const isReplaced = this.set !== expressSet || ofAllApps.send !== sendOfAllApps;
    if (typeof body !== 'string' || args.length !== 1 || isReplaced) {
      return (isWrapped ? expressSend : ofAllApps.send).apply(this, args);
    }
    const given = this.getHeader('Content-Type');
    const isPlain = given === undefined || (typeof given === 'string' && given !== '');
    if (isPlain && sendText(this, body, typeOfText(given ?? ''))) return this;
    return expressSend.apply(this, args);
  };

  const undo = [replaceMethod(prototype, 'json', json), replaceMethod(prototype, 'send', send)];
  return () => {
    for (const put of undo) put();
  };
}

/** Sends a string. Returns false when the request or the response needs steps that only Express's own method takes. */
function sendText(res: Response, text: string, type: string): boolean {
  const { req, statusCode } = res;
  if (type === '' || req.method === 'HEAD' || bodiless.has(statusCode)) return false;
  const { headers } = req;
  if (headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined) return false;
  if (res.hasHeader('Transfer-Encoding')) return false;
  const length = Buffer.byteLength(text);
  const isAscii = length === text.length;
  const { settings } = res.app as unknown as { settings: { 'etag fn'?: unknown } };
  const makeTag = settings['etag fn'];
  const tagged = typeof makeTag === 'function' && !res.getHeader('ETag');
  // a replaced `end` or ETag function receives the same body as from Express
  const asText = isAscii && takes(res.end) && (!tagged || takes(makeTag as TakesBody));
  const body = asText || (!tagged && text.length < 1000) ? text : Buffer.from(text);
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', String(length));
  if (tagged) {
    const tag = makeTag(body);
    if (tag) res.setHeader('ETag', tag);
  }
  if (asText) res.end(body, 'latin1');
  else if (typeof body === 'string') res.end(body, 'utf8');
  else res.end(body);
  return true;
}

function takes(fn: TakesBody): boolean {
  return fn[takesText] === true || fn === http.OutgoingMessage.prototype.end;
}

/**
 * Returns the content type with which Express sends a body after `given` was set. It is empty when it cannot be
 * determined.
 */
function probeType(prototype: object, send: Send, given: string, body: unknown): string {
  const headers = new Map<string, unknown>(given === '' ? [] : [['content-type', given]]);
  const probe = Object.create(prototype, {
    req: { value: { method: 'GET', headers: {}, fresh: false } },
    statusCode: { value: 200, writable: true },
    getHeader: { value: (name: string) => headers.get(name.toLowerCase()) },
    setHeader: { value: (name: string, value: unknown) => headers.set(name.toLowerCase(), value) },
    removeHeader: { value: () => {} },
    end: { value: () => {} },
  }) as Response;
  try {
    send.call(probe, body);
  } catch {
    return '';
  }
  const type = headers.get('content-type');
  return typeof type === 'string' ? type : '';
}
