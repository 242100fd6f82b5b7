import { memoizeHeader } from '../../support/bounded-map.js';

// coding [ weight ] (RFC 9110 section 12.5.3)
const member = /^\s*([^\s;]+)\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?$/i;

/**
 * Normalizes `Accept-Encoding` to the codings that it accepts, the preferred ones first. Clients send many values, which
 * would otherwise each select a separate variant, although there are only a few different bodies.
 */
export const acceptedCodings = memoizeHeader((header) => {
  const weights = new Map<string, number>();
  for (const each of header.split(',')) {
    const [, name = '', weight = '1'] = member.exec(each.toLowerCase()) ?? [];
    if (name !== '') weights.set(name === 'x-gzip' ? 'gzip' : name, Math.min(1, Number(weight) || 0));
  }
  const sorted = [...weights].sort(
    ([one, weight], [other, otherWeight]) => otherWeight - weight || (one < other ? -1 : 1),
  );
  let text = '';
  let before = 1;
  for (const [name, weight] of sorted) {
    // A coding that is not listed is not accepted either, except for the identity and where `*` is listed.
    if (weight === 0 && name !== 'identity' && !weights.has('*')) continue;
    text += `${weight === before ? ',' : ';'}${weight === 0 ? '!' : ''}${name}`;
    before = weight;
  }
  return text;
});
