/**
 * Matches what a path may not contain:
 * - control characters,
 * - a backslash (a separator on Windows),
 * - a colon (drives, and alternate data streams of NTFS),
 * - an empty segment, and a segment `.` or `..`,
 * - a segment with a trailing dot or space (Windows drops them).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression detects them
const forbidden = /[\u0000-\u001f\u007f\\:]|\/\/|\/\.{1,2}(?:\/|$)|[. ](?:\/|$)/;

/** The device names of Windows, which are reserved in every directory and with any extension. */
const device = /\/(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.[^/]*)?(?:\/|$)/i;

/**
 * Matches escapes of characters that need no escape (letters, digits, `-`, `.`, `_`), and of a slash. A middleware that
 * protects `/private` compares only that text, so `/%70rivate` and `/private%2fkey` must not select the same file.
 */
const needlessEscape = /%(?:2[def]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])/i;

/** Matches an escape that was itself escaped: of a dot, a slash, a backslash, a null character or a percent sign. */
const doubleEscape = /%(?:2[ef5]|5c|00)/i;

const dotSegment = /\/(\.[^/]*)/g;

/**
 * Decodes the path of a request to the path of a file below the root. Returns `undefined` when the path cannot be the
 * path of a file. It does not access the file system.
 */
export function servablePath(path: string, dotfiles: readonly string[]): string | undefined {
  if (!path.startsWith('/') || needlessEscape.test(path)) return undefined;
  let decoded: string;
  try {
    decoded = path.includes('%') ? decodeURIComponent(path) : path;
  } catch {
    return undefined;
  }
  return isServable(decoded, dotfiles) ? decoded : undefined;
}

/** Whether a decoded path may name a file. The targets of symbolic links are checked, too. */
export function isServable(path: string, dotfiles: readonly string[]): boolean {
  if (forbidden.test(path) || device.test(path) || doubleEscape.test(path)) return false;
  if (!path.includes('/.')) return true;
  for (const [, name] of path.matchAll(dotSegment)) if (!dotfiles.includes(name as string)) return false;
  return true;
}
