import fs from 'node:fs';

/**
 * Reads what a descriptor or a path is; `undefined` for a path without a file.
 *
 * It is read with `bigint`. On Node 20, after a `stat` of a pipe without it, `realpathSync` takes links for resolved, so
 * that `require` does not find the packages of a linked package, such as those of pnpm.
 */
export function fileStats(file: number | string): fs.BigIntStats | undefined {
  return typeof file === 'number'
    ? fs.fstatSync(file, { bigint: true })
    : fs.statSync(file, { bigint: true, throwIfNoEntry: false });
}
