import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { contextOf } from '../context/context.js';
import type { PartLogger } from '../part-logger.js';
import { type LoggedError, serializeError } from '../serialize-error.js';
import { plainText } from './error-details.js';

/**
 * Logs an error of a request once: with the line of the request where a logger watches it, else by the given logger,
 * else on the console unless the app's `env` is `test`, as Express does.
 */
export function reportError(error: unknown, req: IncomingMessage, logger?: PartLogger): void {
  const context = contextOf(req);
  const isNew = context?.fail(error) ?? true;
  if (!isNew || context?.logsErrors) return;
  try {
    if (logger) logger.error({ err: serializeError(error), reqId: context?.id }, 'request failed');
    else if ((req as Request).app?.get('env') !== 'test') console.error(errorText(error));
  } catch {
    // a logger that throws must not cost the client its response
  }
}

const maxReport = 32_768;

/** An error as text of bounded length: the stacks of it and of what is inside it. */
export function errorText(error: unknown): string {
  return plainText(textOf(serializeError(error)), maxReport);
}

function textOf({ type, message, stack, cause, errors = [] }: LoggedError): string {
  // of an error that quotes a request body, the stack is the frames alone
  const own = stack?.includes(message) ? stack : `${type}: ${message}${stack ? `\n    ${stack}` : ''}`;
  const causes = cause === undefined ? [] : [`Caused by: ${textOf(cause)}`];
  return [own, ...causes, ...errors.map((one) => `One of: ${textOf(one)}`)].join('\n');
}
