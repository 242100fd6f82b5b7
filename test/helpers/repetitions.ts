/** `TEST_EFFORT=full`: `npm run test:all` and the gate. Otherwise `npm test`, which has three minutes. */
export const full = process.env.TEST_EFFORT === 'full';

/** How often something is repeated: reloads, cycles, cases of a fuzzer. */
export const repetitions = (whole: number, short: number): number => (full ? whole : short);

/** A generated table of cases, or every so many of them in the short run. */
export const sample = <T>(table: readonly T[], every: number): T[] =>
  full ? [...table] : table.filter((_, index) => index % every === 0);
