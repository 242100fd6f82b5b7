import Negotiator from 'negotiator';
import { memoizeHeader } from '../bounded-map.js';

type Preferring = {
  encoding(available: readonly string[], options: { preferred: readonly string[] }): string | undefined;
};

/**
 * Creates a function that chooses one of these encodings for a value of `Accept-Encoding`: by the client's q-values, and
 * among equals by the order given (RFC 9110 section 12.5.3). It returns `null` for the identity. Results are memoized,
 * because a site receives a handful of values.
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
