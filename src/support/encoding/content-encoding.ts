import Negotiator from 'negotiator';
import { memoizeHeader } from '../bounded-map.js';

type Preferring = {
  encoding(available: readonly string[], options: { preferred: readonly string[] }): string | undefined;
};

/**
 * Makes a choice among encodings by the client's q-values, and by their own order among equals (RFC 9110 section
 * 12.5.3). It is given the value of `Accept-Encoding`, and answers `null` for the identity. A site sees a handful of
 * values, so answers are remembered.
 */
export function negotiation<Coding extends { readonly encoding: string }>(
  codings: readonly Coding[],
): (acceptEncoding: string) => Coding | null {
  const encodings = codings.map(({ encoding }) => encoding);
  const available = [...encodings, 'identity'];
  return memoizeHeader((acceptEncoding) => {
    const negotiator: Preferring = new Negotiator({ headers: { 'accept-encoding': acceptEncoding } });
    const chosen = negotiator.encoding(available, { preferred: encodings });
    return codings.find(({ encoding }) => encoding === chosen) ?? null;
  });
}
