/** Shorter beginnings of a name fit too many. */
const minPrefix = 3;

/** The known name that a mistyped one most probably stands for: one that it begins, or one at most two typing errors away. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const typed = fold(name);
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: distanceOf(typed, fold(candidate)) }))
    .filter(({ candidate, distance }) => distance <= 2 && distance < fold(candidate).length / 2)
    .sort((a, b) => a.distance - b.distance);
  return nearest?.candidate;
}

const fold = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

function distanceOf(typed: string, name: string): number {
  const [short, long] = typed.length < name.length ? [typed, name] : [name, typed];
  return short.length >= minPrefix && long.startsWith(short) ? 0 : editDistance(typed, name);
}

/** The number of insertions, deletions, replacements and swaps of neighbours between two words. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  const at = (i: number, j: number): number => rows[i]?.[j] ?? (i === 0 ? j : 0);
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) {
        (rows[i] as number[])[j] = i + j;
        continue;
      }
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : replaced;
      (rows[i] as number[])[j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped);
    }
  }
  return at(a.length, b.length);
}
