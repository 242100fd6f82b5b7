import type { Stats } from 'node:fs';

/** What tells one state of a file from another, without reading it. */
export type FileState = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino'>;

/**
 * File systems note times by the tick of a clock, the coarse ones by two seconds: within it a file can change and look
 * the same.
 */
const restMs = 2000;

/** Whether a file looks as it did, and is the same one. */
export function isSame(a: FileState | undefined, b: FileState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return isAlike(a, b) && a.ino === b.ino;
}

/** Whether a file looks as it did. Some network file systems give an open file another number than its path. */
export function isAlike(a: FileState, b: FileState): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

/** Whether a file had been left alone for so long that a change since could not look the same. */
export function isAtRest({ ctimeMs }: FileState, now: number): boolean {
  return Math.abs(now - ctimeMs) > restMs;
}

/**
 * The validator of a representation. It is strong where another state of the file would have another one (RFC 9110
 * section 8.8.1).
 */
export function etagOf(state: FileState, encoding: string | undefined, now: number): string {
  const suffix = encoding === undefined ? '' : `-${encoding}`;
  const tag = `"${state.size.toString(16)}-${Math.trunc(state.mtimeMs * 1000).toString(16)}${suffix}"`;
  return isAtRest(state, now) ? tag : `W/${tag}`;
}
