import Negotiator from 'negotiator';
import { memoizeHeader } from '../bounded-map.js';

type Preferring = {
  encoding(available: readonly string[], options: { preferred: readonly string[] }): string | undefined;
};

/**
 * Creates a function that chooses one of these encodings for a value of `Accept-Encoding`. The highest q-value takes
 * precedence, and among equal q-values the order of `codings` (RFC 9110 section 12.5.3). The function returns `null`
 * for the identity. Results are memoized, because the clients of a site send few different values.
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
