import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * Distinguishes the two meanings of SIGHUP: a request to reload, and the end of the terminal of this process. Call it
 * at the start. The returned function checks whether the terminal of the start was closed.
 */
export function watchTerminal(): () => boolean {
  const had = [0, 1, 2].some((fd) => isatty(fd));
  return () => had && !hasTerminal();
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
