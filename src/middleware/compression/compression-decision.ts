import type { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import compressible from 'compressible';
import type { Request, Response } from 'express';
import { memoizeHeader } from '../../support/bounded-map.js';
import { debugFor } from '../../support/debug.js';
import type { Codec } from '../../support/encoding/encoders.js';
import { headerText, varyOnEncoding, weakenETag } from '../../support/encoding/encoding-headers.js';
import { withoutQuery } from '../../support/url-path.js';
import type { SentRepresentations } from './sent-representations.js';

const debug = debugFor('compression');

/** Chooses a codec by the value of `Accept-Encoding`. */
type Offer = (acceptEncoding: string) => Codec | null;

export interface DecisionSettings {
  readonly threshold: number;
  readonly filter: (req: Request, res: Response) => boolean;
  readonly offer: Offer;
  /** The offer for responses that may contain secrets. */
  readonly secretOffer: Offer;
  readonly sent: SentRepresentations;
  /** Called when the middleware `compression` of the app handles a response. */
  onOther?(): void;
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

type Directives = ReturnType<typeof cacheDirectives>;

const cacheDirectives = memoizeHeader((value) => ({
  noTransform: /(?:^|[\s,])no-transform(?:$|[\s,])/i.test(value),
  secret: /(?:^|[\s,])(?:private|no-store)(?:$|[\s,=])/i.test(value),
}));

const digests = ['Content-Digest', 'Repr-Digest', 'Digest', 'Content-MD5'];

/**
 * Whether a request has a socket that is a stream. Adapters for serverless functions that have none read the body before
 * a streaming encoder has written all of it.
 */
function hasStream(req: IncomingMessage): boolean {
  return req.httpVersionMajor >= 2 || (req.socket as unknown) instanceof Duplex;
}

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
  settings: DecisionSettings,
): Codec | undefined {
  if (status < 200 || status === 204) return skip(req, 'it has no body');
  if (!hasStream(req)) return skip(req, 'it has no socket');
  if (status === 304 && !res.hasHeader('Content-Type')) {
    describeNotModified(req, res, settings);
    return skip(req, 'it has no body');
  }
  const { threshold, filter, sent } = settings;
  const whole = status === 200 && req.method === 'GET';
  const directives = cacheDirectives(headerText(res, 'cache-control'));
  const unvarying = passes(filter, req, res)
    ? fixedEncoding(res, directives)
    : 'its type is not compressible, or the filter returned false';
  if (unvarying !== undefined) {
    if (whole) sent.add(req, res, 'unvarying');
    return skip(req, unvarying);
  }
  varyOnEncoding(res);
  if (status === 206 || res.hasHeader('Content-Range'))
    return skip(req, 'it is a range of the unencoded body');
  if (status === 304 || req.method === 'HEAD') return skip(req, 'it has no body');
  const unencodable = unencodableBody(res, length, threshold);
  if (unencodable !== undefined) {
    if (whole) sent.add(req, res, 'identity');
    return skip(req, unencodable);
  }
  return acceptedCodec(req, res, directives, settings) ?? skip(req, 'no acceptable encoding');
}

/** Sets the `Vary` and the ETag of the 200 on its 304, which has no Content-Type (RFC 9110 section 15.4.5). */
function describeNotModified(req: IncomingMessage, res: ServerResponse, settings: DecisionSettings): void {
  const directives = cacheDirectives(headerText(res, 'cache-control'));
  const form = settings.sent.get(req, res);
  if (form === 'unvarying' || fixedEncoding(res, directives) !== undefined) return;
  varyOnEncoding(res);
  if (form !== 'identity' && acceptedCodec(req, res, directives, settings)) weakenETag(res);
}

/** The reason why a response has the same encoding for every request, if its headers state one. */
function fixedEncoding(res: ServerResponse, { noTransform }: Directives): string | undefined {
  if (noTransform) return 'no-transform';
  const present = headerText(res, 'content-encoding');
  return present === '' || present === 'identity' ? undefined : `it has Content-Encoding ${present}`;
}

function unencodableBody(
  res: ServerResponse,
  length: number | undefined,
  threshold: number,
): string | undefined {
  if (length !== undefined && (length < threshold || length === 0)) return 'below the threshold';
  return digests.some((name) => res.hasHeader(name)) ? 'it has a digest of its bytes' : undefined;
}

/** The codec that a request accepts. Another one is offered for a response that may contain secrets. */
function acceptedCodec(
  req: IncomingMessage,
  res: ServerResponse,
  { secret }: Directives,
  { offer, secretOffer }: DecisionSettings,
): Codec | null {
  const choose = secret || res.hasHeader('Set-Cookie') ? secretOffer : offer;
  return choose(String(req.headers['accept-encoding'] ?? ''));
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
