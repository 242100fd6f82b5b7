const maxEntries = 256;
const maxLength = 256;

/**
 * Remembers a pure function's answers per header value. Clients choose the values, so both the number of entries and
 * the length of a remembered one are bounded.
 */
export function memoizeHeader<Result>(parse: (value: string) => Result): (value: string) => Result {
  const known = new Map<string, Result>();
  return (value) => {
    const found = known.get(value);
    if (found !== undefined) return found;
    const result = parse(value);
    if (value.length <= maxLength) {
      if (known.size >= maxEntries) known.clear();
      known.set(value, result);
    }
    return result;
  };
}
