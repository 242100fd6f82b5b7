import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { attempt } from '../../support/attempt.js';

/**
 * Distinguishes the two meanings of SIGHUP: a request to reload, and the end of the terminal of this process. Call it
 * at the start. The returned function checks whether the terminal of the start was closed.
 */
export function watchTerminal(): () => boolean {
  const had = [0, 1, 2].some((fd) => isatty(fd));
  const open = () => openSync('/dev/tty', 'r');
  return () => {
    const terminal = had ? attempt(open) : undefined;
    if (terminal !== undefined) closeSync(terminal);
    return had && terminal === undefined;
  };
}
