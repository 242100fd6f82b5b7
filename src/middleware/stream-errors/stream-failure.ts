import type { ServerResponse } from 'node:http';
import type { Request } from 'express';
import { contextOf, runInContext } from '../../support/context/context.js';
import { reportError } from '../../support/error-response/error-report.js';
import { respondToError } from '../../support/error-response/error-response.js';
import { read } from '../../support/serialize-error.js';

export type Next = (error?: unknown) => void;

const missingFile = new Set<unknown>(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** Returns the `next` for an error that occurs now: that of the running handler, else that of its router. */
export function runningNext({ req }: ServerResponse): Next | undefined {
  return contextOf(req)?.next ?? (req as Request).next;
}

/** Passes the error of a stream to `next`, in the context of its request. Without Express, this module responds. */
export function forwardFailure(error: unknown, res: ServerResponse, next: Next | undefined): void {
  const context = contextOf(res.req);
  const receiver = next ?? respond.bind(undefined, res);
  const known = withStatus(error);
  if (context) runInContext(context, receiver, known);
  else receiver(known);
}

function respond(res: ServerResponse, error: unknown): void {
  reportError(error, res.req);
  respondToError(error, res.req, res);
}

/** Sets status 404 for a missing file, unless the error has a status. The message contains a path and is not sent. */
function withStatus(error: unknown): unknown {
  if (!missingFile.has(read(error, 'code')) || !Object.isExtensible(error)) return error;
  if (read(error, 'status') !== undefined || read(error, 'statusCode') !== undefined) return error;
  // http-errors is not used, since it recognizes only an Error of the same realm
  return Object.assign(error as object, { status: 404, statusCode: 404, expose: false });
}

/** The error of a stream that closed before its end and emitted no error. */
export function prematureClose(): Error {
  return Object.assign(new Error('A stream of the response closed before its end'), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  });
}
