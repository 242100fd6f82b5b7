/** The prefixes of keys in Redis, and the name of the channel. */
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
