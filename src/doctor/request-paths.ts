import type { RequestedRoute } from './probe/doctor-protocol.js';

/** A part of a path that names a change, so that a GET request for it may not be safe, whatever the standard requires. */
const changing =
  /(?:^|[/_.-])(?:delete|remove|destroy|drop|reset|purge|flush|clear|log-?out|sign-?out|unsubscribe|shutdown|restart|reboot|kill|exit|quit|stop)(?:$|[/_.-])/i;
/** A percent-encoding that Express cannot decode: it calls the error handlers then, and no handler of the route. */
const malformed = '%E0%A4%A';
const parameter = /:(\w+)/g;
/** What may be a link in HTML or JSON. */
const candidate = /["'=(](\\?\/[^"'()\s<>#]*)/g;
const wholeLink = /^(?:\\?\/[\w\-.~%!$&*+,;:@?=]+)+\/?$/;

/** Whether a request for a path changes something, by its words. */
export function isChanging(path: string): boolean {
  return changing.test(path);
}

/** A path of a route with a parameter that Express cannot decode; `null` without such a route. */
export function malformedPath(routes: readonly RequestedRoute[]): string | null {
  const path = routes.find((each) => each.method === 'GET' && each.path.includes(':'))?.path;
  return path?.replaceAll(parameter, malformed) ?? null;
}

/**
 * The path of a route with a value for each parameter: the given one, else that of a link in a response of the app.
 * `undefined` where one has no value.
 */
export function filledPath(
  path: string,
  values: Readonly<Record<string, string>>,
  links: readonly string[],
): string | undefined {
  const names = [...path.matchAll(parameter)].map(([, name]) => String(name));
  if (names.every((name) => Object.hasOwn(values, name))) {
    return path.replaceAll(parameter, (_, name: string) => encodeURIComponent(values[name] as string));
  }
  const pattern = path.split(parameter).map((part, i) => (i % 2 ? '[^/?#]+' : escapeText(part)));
  const link = new RegExp(`^${pattern.join('')}/?(?:[?]|$)`, 'i');
  return links.find((each) => link.test(each) && isChanging(each) === isChanging(path));
}

/** Paths of the same server that a body or a Location contains, also in JSON. */
export function linksIn(text: string, location: unknown): string[] {
  const found: string[] = [];
  // in two steps, each of which reads a character once: a hostile text makes one step read to its end from everywhere
  for (const { 0: match, 1: link = '', index } of text.matchAll(candidate)) {
    const next = text.at(index + match.length) ?? '';
    if (/["')\s>#]/.test(next) && wholeLink.test(link)) found.push(link.replaceAll('\\/', '/'));
  }
  if (typeof location === 'string' && /^\/(?!\/)/.test(location)) found.push(location);
  return [...new Set(found)];
}

function escapeText(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
