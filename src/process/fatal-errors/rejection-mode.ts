/** How Node handles a rejection without a handler. */
export type RejectionMode = 'throw' | 'strict' | 'warn' | 'none' | 'warn-with-error-code';

const option = /^"?--unhandled[-_]rejections(?:=(.*?))?"?$/;

/** The value of Node's option `--unhandled-rejections`, which Node itself does not expose. The last value is effective. */
export function rejectionMode(): RejectionMode {
  const words = [...(process.env.NODE_OPTIONS ?? '').split(' '), ...process.execArgv];
  const at = words.findLastIndex((word) => option.test(word));
  const [, value = words[at + 1]] = option.exec(words[at] ?? '') ?? [];
  // Node has refused other values at its start
  return at < 0 ? 'throw' : (value as RejectionMode);
}

/** Whether the user has requested that the process continues after a rejection without a handler. */
export function continuesAfterRejections(mode: RejectionMode): boolean {
  return mode !== 'throw' && mode !== 'strict';
}
