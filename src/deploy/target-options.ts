import { type Check, isBoolean } from '../support/options.js';
import type { TargetOption } from './targets/target.js';

/** The options of a target, one entry for each. */
export type TargetOptions<Options> = { readonly [Name in keyof Required<Options>]: TargetOption };

/** An option with a text. */
export function textOption(value: string, help: string, check: Check): TargetOption {
  return { value, help, parse: (text) => text, check };
}

/** An option that is on or off. */
export function switchOption(help: string): TargetOption {
  return {
    value: '<yes|no>',
    help,
    parse: (text) => (text === 'yes' ? true : text === 'no' ? false : text),
    check: isBoolean,
  };
}

/** An option with a list, separated by commas on the command line. */
export function listOption(value: string, help: string, check: Check): TargetOption {
  return { value, help, parse: (text) => text.split(','), check };
}

/** An option with a whole number. */
export function integerOption(value: string, help: string, check: Check): TargetOption {
  return { value, help, parse: (text) => (/^\d+$/.test(text) ? Number(text) : text), check };
}
