import { quote } from '../../support/errors.js';
import { type Check, isFunction } from '../../support/options.js';
import { syncIoGroups } from './sync-builtins.js';

const isGroups: Check = (value) =>
  Array.isArray(value) && value.every((item) => syncIoGroups.includes(item))
    ? undefined
    : `an array of ${syncIoGroups.map(quote).join(', ')}`;

const isDurationMs: Check = (value) =>
  typeof value === 'number' && value >= 0 && Number.isFinite(value) ? undefined : 'a number of milliseconds';

export const callChecks = { apis: isGroups, minMs: isDurationMs, ignore: isFunction };
