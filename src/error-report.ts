import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { errorRecord, errorText } from './error-record.js';
import { contextOf } from './request-context.js';

/** The one method of a pino-like logger that errors need. */
export interface ErrorLogger {
  error(fields: object, message: string): void;
}

/**
 * Reports an error of a request, once: to its context, whose log line carries it; where no request logger is in
 * place, to the given logger, else to the console unless the app's `env` is `test`, as Express itself does.
 */
export function reportError(error: unknown, req: IncomingMessage, logger?: ErrorLogger): void {
  const context = contextOf(req);
  context?.fail(error);
  if (context?.logger !== undefined) return;
  try {
    if (logger) logger.error({ err: errorRecord(error), reqId: context?.id }, 'request failed');
    else if ((req as Request).app?.get('env') !== 'test') console.error(errorText(error));
  } catch {
    // a logger that fails must not cost the client its answer
  }
}
