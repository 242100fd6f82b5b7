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

/** The settings of {@link chooseCodec}. */
export interface DecisionSettings {
  readonly threshold: number;
  readonly filter: (req: Request, res: Response) => boolean;
  readonly offer: Offer;
  /** The offer for responses that may contain secrets. */
  readonly secretOffer: Offer;
}

const isCompressible = memoizeHeader(
  (type) => compressible(type) === true && !/^\s*text\/event-stream\b/i.test(type),
);

/**
 * Whether the media type of a response is compressible: the default `filter` of {@link compression}. Event streams are
 * excluded, because the encoder of each open stream would use about 256 KiB of memory.
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
 * Chooses the encoding of a response when its headers are complete and not sent yet. It sets `Vary` when another
 * request for the resource could receive another encoding, even if this response is not encoded. `length` is the length
 * of the body, if the length is available.
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
    // A 304 without Content-Type needs the Vary and the ETag of the 200 (RFC 9110 section 15.4.5).
    varyOnEncoding(res);
    if (offer(accepted)) weakenETag(res);
    return skip(req, 'it has no body');
  }
  if (!passes(filter, req, res))
    return skip(req, 'its type is not compressible, or the filter returned false');
  const { noTransform, secret } = cacheDirectives(headerText(res, 'cache-control'));
  if (noTransform) return skip(req, 'no-transform');
  const present = headerText(res, 'content-encoding');
  if (present !== '' && present !== 'identity') return skip(req, `it has Content-Encoding ${present}`);
  varyOnEncoding(res);
  if (status === 206 || res.hasHeader('Content-Range'))
    return skip(req, 'it is a range of the unencoded body');
  if (status === 304 || req.method === 'HEAD') return skip(req, 'it has no body');
  if (length !== undefined && (length < threshold || length === 0)) return skip(req, 'below the threshold');
  if (digests.some((name) => res.hasHeader(name))) return skip(req, 'it has a digest of its bytes');
  const mayHoldSecrets = secret || res.hasHeader('Set-Cookie');
  const codec = (mayHoldSecrets ? secretOffer : offer)(accepted);
  return (
    codec ?? skip(req, mayHoldSecrets ? 'the encoding is not offered for secrets' : 'no acceptable encoding')
  );
}

/** Calls the filter. An error is treated as false, because otherwise `res.end` would throw it. */
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
