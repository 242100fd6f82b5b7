import type { Commands } from './redis-commands.js';

/** The names of keys in Redis. */
export interface KeyNames {
  /** The prefixes of the names of entries, tags and leases. */
  readonly entry: string;
  readonly tag: string;
  readonly lease: string;
  /** The numbers of the purges by prefix: see the scripts. */
  readonly generations: string;
  readonly purges: string;
}

/** A part of the entries, with their tags and purges. Its keys are in one slot of a cluster. */
export interface Bucket {
  readonly names: KeyNames;
  readonly commands: Commands;
}

export function keyNames(prefix: string): KeyNames {
  return {
    entry: `${prefix}entry:`,
    tag: `${prefix}tag:`,
    lease: `${prefix}lease:`,
    generations: `${prefix}generations`,
    purges: `${prefix}purges`,
  };
}
