import type { Stats } from 'node:fs';

/** The metadata by which two states of a file differ. */
export type FileState = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino'>;

/** Coarse file systems store times with a resolution of two seconds: within it a file can change without a visible trace. */
const settleMs = 2000;

/** Whether both are the same file in the same state. */
export function isSameFile(a: FileState | undefined, b: FileState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return hasSameStats(a, b) && a.ino === b.ino;
}

/** Whether size and times are equal. The inode is not compared: some network file systems report another one for an open file. */
export function hasSameStats(a: FileState, b: FileState): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

/** Whether the last change of a file is so old that any later change is visible in its times. */
export function isSettled({ ctimeMs }: FileState, now: number): boolean {
  return Math.abs(now - ctimeMs) > settleMs;
}

/** Earlier dates are artificial: Nix, Buildpacks, Bazel and `npm pack` give all files one such date. */
const firstDate = Date.UTC(1990, 0);

/** When a file was written, or when it was put in its place if that date is artificial. */
export function modifiedMs({ mtimeMs, ctimeMs }: Pick<FileState, 'mtimeMs' | 'ctimeMs'>): number {
  return mtimeMs < firstDate ? ctimeMs : mtimeMs;
}

/**
 * The ETag of a representation. It is strong when any other state of the file has another ETag (RFC 9110 section 8.8.1).
 */
export function etagOf(state: FileState, encoding: string | undefined, now: number): string {
  const suffix = encoding === undefined ? '' : `-${encoding}`;
  const tag = `"${state.size.toString(16)}-${Math.trunc(modifiedMs(state) * 1000).toString(16)}${suffix}"`;
  return isSettled(state, now) ? tag : `W/${tag}`;
}
