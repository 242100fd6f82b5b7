import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { contextOf } from '../context/context.js';
import { logLine } from '../logger-adapter.js';
import type { PartLogger } from '../part-logger.js';
import { type LoggedError, serializeError } from '../serialize-error.js';
import { unobserved } from '../unobserved.js';
import { plainText } from './error-details.js';

/**
 * Logs an error of a request once. The line of the request contains it if a logger watches the request. Otherwise the
 * passed logger writes it. Without a logger, the console prints it unless the app's `env` is `test`, as in Express.
 */
export function reportError(error: unknown, req: IncomingMessage, logger?: PartLogger): void {
  const context = contextOf(req);
  // async-errors may have recorded the error before it reaches an error handler
  context?.fail(error);
  if (context?.logsErrors || context?.reported?.includes(error)) return;
  if (context) context.reported = [...(context.reported ?? []), error];
  try {
    const fields = { err: serializeError(error), reqId: context?.id };
    if (logger) logLine(logger, 'error', fields, 'request failed');
    else if ((req as Request).app?.get('env') !== 'test') {
      unobserved(() => console.error(errorText(error)));
    }
  } catch {
    // an exception of the logger must not prevent the response
  }
}

const maxReport = 32_768;

/** Returns an error as text of bounded length: its own stack and those of the errors inside it. */
export function errorText(error: unknown): string {
  return plainText(textOf(serializeError(error)), maxReport);
}

function textOf({ type, message, stack, cause, errors = [] }: LoggedError): string {
  // the stack of an error that quotes a request body contains only the frames
  const own = stack?.includes(message) ? stack : `${type}: ${message}${stack ? `\n    ${stack}` : ''}`;
  const causes = cause === undefined ? [] : [`Caused by: ${textOf(cause)}`];
  return [own, ...causes, ...errors.map((one) => `One of: ${textOf(one)}`)].join('\n');
}
