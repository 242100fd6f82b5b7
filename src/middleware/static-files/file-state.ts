import type { Stats } from 'node:fs';

/** The metadata by which two states of a file differ. */
export type FileState = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino'>;

/** Some file systems store times with a resolution of two seconds: a second change in this time is not detectable. */
const settleMs = 2000;

/** Whether both are the same file in the same state. */
export function isSameFile(a: FileState | undefined, b: FileState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return hasSameStats(a, b) && a.ino === b.ino;
}

/** Whether size and times are equal. Some network file systems report another inode for an open file. */
export function hasSameStats(a: FileState, b: FileState): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

/** Whether the last change of a file is so old that any later change is visible in its times. */
export function isSettled({ ctimeMs }: FileState, now: number): boolean {
  return Math.abs(now - ctimeMs) > settleMs;
}

/** Earlier dates are artificial: Nix, Buildpacks, Bazel and `npm pack` set one such date on all files. */
const firstDate = Date.UTC(1990, 0);

/** The time of the last modification, or of the last status change (ctime) if the former is artificial. */
export function modifiedMs({ mtimeMs, ctimeMs }: Pick<FileState, 'mtimeMs' | 'ctimeMs'>): number {
  return mtimeMs < firstDate ? ctimeMs : mtimeMs;
}

/**
 * The ETag of a representation. It is strong when any other state of the file has another ETag (RFC 9110 section
 * 8.8.1).
 */
export function etagOf(state: FileState, encoding: string | undefined, now: number): string {
  const suffix = encoding === undefined ? '' : `-${encoding}`;
  const tag = `"${state.size.toString(16)}-${Math.trunc(modifiedMs(state) * 1000).toString(16)}${suffix}"`;
  return isSettled(state, now) ? tag : `W/${tag}`;
}
