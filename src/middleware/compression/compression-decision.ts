import type { IncomingMessage, ServerResponse } from 'node:http';
import compressible from 'compressible';
import type { Request, Response } from 'express';
import { memoizeHeader } from '../../support/bounded-map.js';
import { debugFor } from '../../support/debug.js';
import type { Codec } from '../../support/encoding/encoders.js';
import { headerText, varyOnEncoding, weakenETag } from '../../support/encoding/encoding-headers.js';
import { withoutQuery } from '../../support/url-path.js';

const debug = debugFor('compression');

/** Chooses a codec by the value of `Accept-Encoding`. */
export type Offer = (acceptEncoding: string) => Codec | null;

/** What {@link chooseCodec} goes by. */
export interface DecisionSettings {
  readonly threshold: number;
  readonly filter: (req: Request, res: Response) => boolean;
  readonly offer: Offer;
  /** The offer to answers that may hold secrets. */
  readonly secretOffer: Offer;
}

const isCompressible = memoizeHeader(
  (type) => compressible(type) === true && !/^\s*text\/event-stream\b/i.test(type),
);

/**
 * Whether the media type of a response is one that shrinks: the default `filter` of {@link compression}. Event
 * streams are left alone, since each open one would hold a quarter of a megabyte of encoder.
 */
export function compressibleType(_req: IncomingMessage, res: ServerResponse): boolean {
  return isCompressible(headerText(res, 'content-type'));
}

const cacheDirectives = memoizeHeader((value) => ({
  noTransform: /(?:^|[\s,])no-transform(?:$|[\s,])/i.test(value),
  secret: /(?:^|[\s,])(?:private|no-store)(?:$|[\s,=])/i.test(value),
}));

const digests = ['Content-Digest', 'Repr-Digest', 'Digest', 'Content-MD5'];

/**
 * Decides how a response is encoded, when its headers are complete and not sent yet. Sets `Vary` wherever another
 * request for the resource could get another encoding, whether this answer is encoded or not. `length` is the length
 * of the body as far as it is known.
 */
export function chooseCodec(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  length: number | undefined,
  { threshold, filter, offer, secretOffer }: DecisionSettings,
): Codec | undefined {
  if (status < 200 || status === 204) return skip(req, 'it has no body');
  const accepted = String(req.headers['accept-encoding'] ?? '');
  if (status === 304 && !res.hasHeader('Content-Type')) {
    // its type is gone, yet it owes the Vary and the ETag of the answer it stands for (RFC 9110 section 15.4.5)
    varyOnEncoding(res);
    if (offer(accepted)) weakenETag(res);
    return skip(req, 'it has no body');
  }
  if (!passes(filter, req, res)) return skip(req, 'its type does not shrink, or the filter says no');
  const { noTransform, secret } = cacheDirectives(headerText(res, 'cache-control'));
  if (noTransform) return skip(req, 'no-transform');
  const present = headerText(res, 'content-encoding');
  if (present !== '' && present !== 'identity') return skip(req, `it is encoded already: ${present}`);
  varyOnEncoding(res);
  if (status === 206 || res.hasHeader('Content-Range')) return skip(req, 'it is a range of the identity');
  if (status === 304 || req.method === 'HEAD') return skip(req, 'it has no body');
  if (length !== undefined && (length < threshold || length === 0)) return skip(req, 'below the threshold');
  if (digests.some((name) => res.hasHeader(name))) return skip(req, 'it declares a digest of its bytes');
  const maySpill = secret || res.hasHeader('Set-Cookie');
  const codec = (maySpill ? secretOffer : offer)(accepted);
  return codec ?? skip(req, maySpill ? 'not offered for secrets' : 'no acceptable encoding');
}

/** A filter that throws would take the response down from inside `res.end`: it counts as a no. */
function passes(filter: DecisionSettings['filter'], req: IncomingMessage, res: ServerResponse): boolean {
  try {
    return filter(req as Request, res as Response) === true;
  } catch (error) {
    debug(() => ['the filter threw: %s', error]);
    return false;
  }
}

function skip(req: IncomingMessage, reason: string): undefined {
  debug(() => ['%s %s: not encoded, %s', req.method, withoutQuery(req.url ?? ''), reason]);
}
