import createError from 'http-errors';
import { FileChanged } from './open-file.js';
import { isForbidden } from './resource.js';

const messages = { 404: 'there is no such file', 405: 'only GET and HEAD are answered here' };

/** For the error handler, where nothing comes behind the files. */
export function statusError(status: 404 | 405, headers?: Record<string, string>): Error {
  return createError(status, messages[status], { headers });
}

const exhausted = new Set(['EMFILE', 'ENFILE']);

/** What an error of the file system is to a client: its message, with a path of this machine, is for the log only. */
export function httpError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (isForbidden(error)) return createError(403, error, { expose: false });
  if (exhausted.has(code) || error instanceof FileChanged) {
    return createError(503, error, { headers: { 'Retry-After': '1' } });
  }
  return error;
}
