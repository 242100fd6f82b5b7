/** The prefixes of keys in Redis, and the name of the channel. */
export interface KeyNames {
  readonly entry: string;
  readonly tag: string;
  readonly lease: string;
  readonly channel: string;
  /** The channel on which one process receives the confirmations of its purges. */
  confirmations(id: string): string;
}

export function keyNames(prefix: string): KeyNames {
  return {
    entry: `${prefix}entry:`,
    tag: `${prefix}tag:`,
    lease: `${prefix}lease:`,
    channel: `${prefix}messages`,
    confirmations: (id) => `${prefix}confirmations:${id}`,
  };
}
