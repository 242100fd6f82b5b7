import type { ServerResponse } from 'node:http';
import type { Request } from 'express';
import { contextOf, runInContext } from '../../support/context/context.js';
import { reportError } from '../../support/error-response/error-report.js';
import { respondToError } from '../../support/error-response/error-response.js';
import { read } from '../../support/serialize-error.js';

export type Next = (error?: unknown) => void;

const missingFile = new Set<unknown>(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** Where an error goes that happens now: the `next` of the handler that runs, else that of its router. */
export function runningNext({ req }: ServerResponse): Next | undefined {
  return contextOf(req)?.next ?? (req as Request).next;
}

/** Passes the error of a stream on, in the context of its request; without Express it is answered here. */
export function forwardFailure(error: unknown, res: ServerResponse, next: Next | undefined): void {
  const context = contextOf(res.req);
  const receiver = next ?? answerHere.bind(undefined, res);
  const known = withStatus(error);
  if (context) runInContext(context, receiver, known);
  else receiver(known);
}

function answerHere(res: ServerResponse, error: unknown): void {
  reportError(error, res.req);
  respondToError(error, res.req, res);
}

/** A missing file is a 404, unless the error says otherwise; its message names a path, which stays here. */
function withStatus(error: unknown): unknown {
  if (!missingFile.has(read(error, 'code')) || !Object.isExtensible(error)) return error;
  if (read(error, 'status') !== undefined || read(error, 'statusCode') !== undefined) return error;
  // not by http-errors, which takes only an Error of its own realm for one
  return Object.assign(error as object, { status: 404, statusCode: 404, expose: false });
}

/** The error of a stream that closed without its end and did not say why. */
export function prematureClose(): Error {
  return Object.assign(new Error('A stream of the response closed before its end'), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  });
}
