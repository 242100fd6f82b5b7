import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * Tells the two meanings of SIGHUP apart: a request to reload, or the end of the terminal the process was started in.
 * Call it at the start; what it returns says whether there was a terminal that is no more.
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
