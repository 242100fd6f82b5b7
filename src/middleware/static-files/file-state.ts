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

/** Before it no file was written that is served now: Nix, Buildpacks, Bazel and `npm pack` give all files one such date. */
const firstDate = Date.UTC(1990, 0);

/** When a file was written; where its date says nothing about that, when it came to be where it is. */
export function modifiedMs({ mtimeMs, ctimeMs }: Pick<FileState, 'mtimeMs' | 'ctimeMs'>): number {
  return mtimeMs < firstDate ? ctimeMs : mtimeMs;
}

/**
 * The validator of a representation. It is strong where another state of the file would have another one (RFC 9110
 * section 8.8.1).
 */
export function etagOf(state: FileState, encoding: string | undefined, now: number): string {
  const suffix = encoding === undefined ? '' : `-${encoding}`;
  const tag = `"${state.size.toString(16)}-${Math.trunc(modifiedMs(state) * 1000).toString(16)}${suffix}"`;
  return isAtRest(state, now) ? tag : `W/${tag}`;
}
