/** Where things are in Redis: prefixes of keys, and the channel. */
export interface KeyNames {
  readonly entry: string;
  readonly tag: string;
  readonly lease: string;
  readonly channel: string;
}

export function keyNames(prefix: string): KeyNames {
  return {
    entry: `${prefix}entry:`,
    tag: `${prefix}tag:`,
    lease: `${prefix}lease:`,
    channel: `${prefix}messages`,
  };
}
