import { quote } from '../../support/errors.js';
import { type Check, isFunction } from '../../support/options.js';
import { type SyncIoGroup, syncIoGroups } from './sync-builtins.js';
import type { SyncIoFinding } from './sync-report.js';

/** Which synchronous calls count. */
export interface SyncCallOptions {
  /**
   * Which functions are watched. `require` is the loading of a file, `console` only counts where stdout or stderr
   * blocks: a file, or a terminal.
   * @default ['fs', 'child_process', 'crypto', 'zlib', 'require', 'console']
   */
  readonly apis?: readonly SyncIoGroup[];
  /**
   * Calls shorter than this are not counted, in milliseconds. Hashing, signing and random bytes, which have no
   * customary asynchronous form, count from 10 ms whatever is set here.
   * @default 0
   */
  readonly minMs?: number;
  /**
   * Asked once about each new finding; `true` drops it for good.
   * @default nothing is ignored
   */
  readonly ignore?: (finding: SyncIoFinding) => boolean;
}

const isGroups: Check = (value) =>
  Array.isArray(value) && value.every((item) => syncIoGroups.includes(item))
    ? undefined
    : `an array of ${syncIoGroups.map(quote).join(', ')}`;

const isMilliseconds: Check = (value) =>
  typeof value === 'number' && value >= 0 && Number.isFinite(value) ? undefined : 'a number of milliseconds';

export const callChecks = { apis: isGroups, minMs: isMilliseconds, ignore: isFunction };
