/** Where things are in Redis. */
export interface Names {
  /** In front of the key of an entry, the name of a tag, the key of a lease. */
  readonly entry: string;
  readonly tag: string;
  readonly lease: string;
  readonly channel: string;
}

export function namesUnder(prefix: string): Names {
  return {
    entry: `${prefix}entry:`,
    tag: `${prefix}tag:`,
    lease: `${prefix}lease:`,
    channel: `${prefix}messages`,
  };
}
