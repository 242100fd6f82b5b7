/**
 * What no path of a file on a site contains: control characters, a backslash (Windows takes it for a slash), a colon
 * (drives, and alternate data streams of NTFS), an empty segment, or a `.`, a `..`, a trailing dot or space in one (Windows
 * drops those two).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const forbidden = /[\u0000-\u001f\u007f\\:]|\/\/|\/\.{1,2}(?:\/|$)|[. ](?:\/|$)/;

/** The devices of Windows, which are in every folder and behind any extension. */
const device = /\/(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.[^/]*)?(?:\/|$)/i;

/**
 * Escapes of what needs none: letters, digits, `-`, `.`, `_`, and of a slash. Who guards `/private` by a middleware guards
 * just that text, and `/%70rivate` or `/private%2fkey` must not be another way to the same file.
 */
const disguised = /%(?:2[def]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])/i;

/** What is left of an escape that was escaped itself, of a dot, a slash, a backslash, a zero or a percent sign. */
const escapedTwice = /%(?:2[ef5]|5c|00)/i;

const dotSegment = /\/(\.[^/]*)/g;

/**
 * The path of a file below the root, by the path of a request; `undefined` where it names none, whatever the file system
 * holds. Nothing here touches the file system.
 */
export function servablePath(path: string, dotfiles: readonly string[]): string | undefined {
  if (!path.startsWith('/') || disguised.test(path)) return undefined;
  let decoded: string;
  try {
    decoded = path.includes('%') ? decodeURIComponent(path) : path;
  } catch {
    return undefined;
  }
  return isServable(decoded, dotfiles) ? decoded : undefined;
}

/** Whether a decoded path may name a file; also asked about what a link leads to. */
export function isServable(path: string, dotfiles: readonly string[]): boolean {
  if (forbidden.test(path) || device.test(path) || escapedTwice.test(path)) return false;
  if (!path.includes('/.')) return true;
  for (const [, name] of path.matchAll(dotSegment)) if (!dotfiles.includes(name as string)) return false;
  return true;
}
