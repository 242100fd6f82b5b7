import { isIP } from 'node:net';
import type { Check } from '../support/options.js';

// Values are written to files of other programs, so each check accepts only text that needs no quotes there.

const hostName = /^(?=.{1,253}$)[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port`, with an IPv6 address in brackets; `undefined` for other text. */
export function addressOf(text: unknown): Address | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(String(text)) ?? [];
  const isHost =
    bracketed === undefined ? hostName.test(plain ?? '') : isIP(bracketed) === 6 && !/%/.test(bracketed);
  return isHost && isPortNumber(Number(port))
    ? { host: bracketed ?? (plain as string), port: Number(port) }
    : undefined;
}

function isPortNumber(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

export const isIpAddress: Check = (value) =>
  typeof value === 'string' && isIP(value) === 4 ? undefined : 'an IPv4 address';

/** A list of one or more strings. */
export function isListOf(what: string, is: (item: unknown) => boolean): Check {
  return (value) =>
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' && is(item))
      ? undefined
      : `a list of ${what}`;
}

function isMatch(what: string, pattern: RegExp): Check {
  return (value) => (typeof value === 'string' && pattern.test(value) ? undefined : what);
}

/** Upstreams: one or more of `host:port`. */
export const isAddressList = isListOf("one or more of 'host:port'", (item) => addressOf(item) !== undefined);

export const isListen: Check = (value) =>
  isPortNumber(value as number) || (typeof value === 'string' && addressOf(value) !== undefined)
    ? undefined
    : "a port, or 'host:port'";

/** A name that is valid in all generated files. */
export const isName = isMatch(
  'a name of up to 32 of a-z, 0-9 and _, a letter first',
  /^[a-z][a-z\d_]{0,31}$/,
);

export const isHostNameList = isListOf(
  "host names, with '*.' in front for subdomains",
  (item) => item === '_' || hostName.test(String(item).replace(/^\*\./, '')),
);

export const isCookieList = isListOf('cookie names of letters, digits, _, - and .', (item) =>
  /^[\w.-]{1,128}$/.test(String(item)),
);

/** A URL path without query. */
export const isUrlPath = isMatch('a path such as /readyz', /^\/[\w.~/-]{0,255}$/);

/** A directory, without `..` in its path. */
export const isDirectory = isMatch(
  'an absolute path of letters, digits, _, -, . and /',
  /^(?!.*\/\.\.?(\/|$))(\/[\w.-]+)+$/,
);

/** One or more directories. */
export const isDirectoryList = isListOf(
  'absolute paths of letters, digits, _, -, . and /',
  (item) => isDirectory(item) === undefined,
);

/** Log files, with `*` for any characters of a name. */
export const isLogPath = isMatch(
  'an absolute path of letters, digits, _, -, ., * and /',
  /^(?!.*\/\.\.?(\/|$))(\/[\w.*-]+)+$/,
);

/** The user of a service. Root is refused: an app that is taken over would own the machine. */
export const isUser = isMatch('a user other than root', /^(?!root$)[a-z_][a-z\d_-]{0,30}$/);

export const isPort: Check = (value) =>
  isPortNumber(value as number) ? undefined : 'a port from 1 to 65535';

/** A file, without `..` in its path. */
export const isFile = isDirectory;

/** Addresses, or networks with the length of their prefix. */
export const isNetworkList = isListOf('addresses or networks such as 10.0.0.0/8', (item) => {
  const [, address = '', length] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(String(item)) ?? [];
  const family = isIP(address);
  return family !== 0 && (length === undefined || Number(length) <= (family === 4 ? 32 : 128));
});
