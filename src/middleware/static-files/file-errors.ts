import createError from 'http-errors';

const missingCodes = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EINVAL']);
const exhaustedCodes = new Set(['EMFILE', 'ENFILE']);
const messages = { 404: 'there is no such file', 405: 'only GET and HEAD are supported here' };

/** The error for an opened or read file that has changed since it was checked. */
export class FileChanged extends Error {
  constructor() {
    super('a static file changed while it was read');
  }
}

/** Whether an error of the file system means that there is no such file. */
export function isMissing(error: unknown): boolean {
  return missingCodes.has(codeOf(error));
}

/** Whether an error of the file system means that this process may not read the file. */
export function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(codeOf(error));
}

/** The error for the error handler when no handler follows (`fallthrough: false`). */
export function statusError(status: 404 | 405, headers?: Record<string, string>): Error {
  return createError(status, messages[status], { headers });
}

/**
 * Sets the status of an error of the file system, or of a function of the app, which may have set one. The message can
 * contain a local path, so it is not exposed.
 */
export function httpError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (isForbidden(error)) return createError(403, error, { expose: false });
  if (exhaustedCodes.has(codeOf(error)) || error instanceof FileChanged) {
    return createError(503, error, { headers: { 'Retry-After': '1' } });
  }
  return createError(500, error);
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
